import { decode, encodingExists } from 'iconv-lite'

// biome-ignore lint/suspicious/noControlCharactersInRegex: SO and SI are what shifts
const SHIFTED_OUT = /\x0e([^\x0f\n]*)\x0f?/g
// biome-ignore lint/suspicious/noControlCharactersInRegex: it is an escape sequence
const DESIGNATION = /\x1b\$\)C/g
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are escape sequences
const CHINESE_DESIGNATION = /\x1b\$[)*][A-Z]/g
/** What shifts a 7-bit text between ASCII and two-byte characters, and which charset those are in. */
const SHIFTED: Readonly<Record<string, { charset: string; between: RegExp; marks: RegExp }>> = {
  // RFC 1557
  'iso-2022-kr': { charset: 'euc-kr', between: SHIFTED_OUT, marks: DESIGNATION },
  // RFC 1922; what it has of CNS 11643 is read as GB 2312 would be
  'iso-2022-cn': { charset: 'gbk', between: SHIFTED_OUT, marks: CHINESE_DESIGNATION },
  // RFC 1843
  'hz-gb-2312': { charset: 'gbk', between: /~\{(.*?)(?:~\}|$)/gm, marks: /~\n/g }
}

/**
 * Text in a charset that the Encoding standard leaves out, such as UTF-7, cp850 and ISO-2022-KR, which attachments of
 * older programs have. Undefined for a charset that is not known.
 */
export function decodeRare(bytes: Uint8Array, charset: string): string | undefined {
  const shifted = SHIFTED[charset]
  if (shifted) {
    const text = Buffer.from(bytes).toString('latin1').replace(shifted.marks, '')
    const eightBit = text.replace(shifted.between, (_, two: string) =>
      two.replace(/[\x21-\x7e]/g, (character) =>
        String.fromCharCode(character.charCodeAt(0) | 0x80)
      )
    )
    return new TextDecoder(shifted.charset).decode(Buffer.from(eightBit, 'latin1'))
  }
  return encodingExists(charset) ? decode(Buffer.from(bytes), charset) : undefined
}
