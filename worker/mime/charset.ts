import { isAscii, isUtf8 } from 'node:buffer'
import { TextDecoder } from 'node:util'

/** Names found in mail that the Encoding standard does not list. */
const ALIASES: Readonly<Record<string, string>> = {
  ansi_x3: 'windows-1252',
  'ansi_x3.4-1968': 'windows-1252',
  ascii: 'windows-1252',
  cp932: 'shift_jis',
  cp936: 'gbk',
  cp949: 'euc-kr',
  cp950: 'big5',
  'iso-8859-8-e': 'iso-8859-8',
  'ks_c_5601-1987': 'euc-kr',
  ms932: 'shift_jis',
  unicode: 'utf-16le',
  'utf-8mb4': 'utf-8',
  utf8mb4: 'utf-8',
  'x-gbk': 'gbk',
  'unicode-1-1-utf-7': 'utf-7',
  unicode11utf7: 'utf-7',
  csiso2022kr: 'iso-2022-kr',
  csiso2022jp2: 'iso-2022-jp',
  cp50220: 'iso-2022-jp',
  cp50221: 'iso-2022-jp',
  'iso-2022-jp-1': 'iso-2022-jp',
  'iso-2022-jp-2': 'iso-2022-jp',
  'iso-2022-jp-3': 'iso-2022-jp',
  'iso-2022-jp-2004': 'iso-2022-jp',
  'iso-2022-jp-ms': 'iso-2022-jp',
  '_iso-2022-jp$esc': 'iso-2022-jp',
  'iso-2022-cn-ext': 'iso-2022-cn',
  hz: 'hz-gb-2312'
}

/** Charsets of 7-bit bytes, which would pass for ASCII. */
const SEVEN_BIT = /^(iso-2022-|hz|utf-7)/
/** Two bytes or more for each letter, so that UTF-8 in their place is told apart with ease. */
const WIDE = /^(utf-(16|32)|iso-10646-ucs-|ucs-)/

/** Decodes what `TextDecoder` does not know; undefined when nobody knows it. */
export type DecodeRare = (bytes: Uint8Array, charset: string) => Promise<string | undefined>

/** The name of a charset as this module takes it; undefined when there is none. */
export function charsetName(written: string | undefined): string | undefined {
  const name = (written ?? '')
    .trim()
    .replace(/^["']|["']$/g, '')
    .toLowerCase()
  return name === '' ? undefined : (ALIASES[name] ?? name)
}

/**
 * Text of a body's bytes. Gmail hands bodies out in UTF-8 and leaves the header as it was (steipete/gogcli#446), so
 * bytes that are well-formed UTF-8 beyond ASCII are that; other encodings hardly ever look so by chance. Never throws:
 * what cannot be decoded becomes U+FFFD.
 */
export function decodeText(bytes: Uint8Array, charset: string | undefined): string {
  return byMark(bytes) ?? decodedBody(bytes, charsetName(charset))
}

function decodedBody(bytes: Uint8Array, charset: string | undefined): string {
  const isPlain = isAscii(bytes)
  const name = charset ?? ''
  // Most mail; a decoder costs more than what it would decode.
  if (isPlain && !SEVEN_BIT.test(name) && !WIDE.test(name)) return asLatin1(bytes)
  const isConverted = isUtf8(bytes) && (!isPlain || (WIDE.test(name) && !bytes.includes(0)))
  return (isConverted ? decoderFor('utf-8') : decoderFor(charset)).decode(bytes)
}

/**
 * Text of a file. Files are handed out as they were sent, so what is declared holds; without a declaration UTF-8 where
 * the bytes are that. A byte order mark says more than any declaration (Encoding standard, section 6.1).
 */
export async function decodeFile(
  bytes: Uint8Array,
  charset: string | undefined,
  decodeRare: DecodeRare
): Promise<string> {
  const marked = byMark(bytes)
  if (marked !== undefined) return marked
  const name = charsetName(charset)
  if (name === undefined || name === 'us-ascii' || name === 'windows-1252')
    return decoderFor(isUtf8(bytes) ? 'utf-8' : name).decode(bytes)
  // A file cannot be in UTF-16 and have bytes for ASCII letters side by side.
  if (WIDE.test(name) && isUtf8(bytes) && !bytes.includes(0))
    return decoderFor('utf-8').decode(bytes)
  if (isKnown(name)) return decoderFor(name).decode(bytes)
  return (await decodeRare(bytes, name)) ?? decodeText(bytes, undefined)
}

/** Whether a body needs `decodeRare`: its bytes were not converted, and the platform does not know its charset. */
export function isRare(bytes: Uint8Array, charset: string | undefined): boolean {
  const name = charsetName(charset)
  if (name === undefined || isKnown(name) || byMark(bytes) !== undefined) return false
  const isPlain = isUtf8(bytes)
  if (!isPlain) return true
  return SEVEN_BIT.test(name) && bytes.every((byte) => byte < 0x80) && hasShifts(bytes, name)
}

function hasShifts(bytes: Uint8Array, name: string): boolean {
  const text = asLatin1(bytes.subarray(0, 100_000))
  if (name === 'utf-7') return /\+[A-Za-z0-9+/]{2,}-?/.test(text)
  return name.startsWith('hz') ? text.includes('~{') : text.includes('\x0e')
}

/**
 * The charset that HTML names in itself (HTML standard, section 13.2.3.2); undefined when it names none. What such a
 * text says of two-byte encodings cannot be so, since it could be read.
 */
export function charsetInHtml(bytes: Uint8Array): string | undefined {
  const start = asLatin1(bytes.subarray(0, 4096))
  const tag = /<meta\b[^>]*?\bcharset\s*=\s*["']?\s*([\w.:-]+)/i.exec(start)?.[1]
  const name = charsetName(tag)
  return name && WIDE.test(name) ? 'utf-8' : name
}

function byMark(bytes: Uint8Array): string | undefined {
  const [a, b, c, d] = bytes
  if (a === 0xef && b === 0xbb && c === 0xbf) return decoderFor('utf-8').decode(bytes)
  // FF FE 00 00 is UTF-32 rather than UTF-16 with a NUL.
  if (a === 0xff && b === 0xfe && !(c === 0 && d === 0)) return decoderFor('utf-16le').decode(bytes)
  if (a === 0xfe && b === 0xff) return decoderFor('utf-16be').decode(bytes)
  return undefined
}

const isKnown = (name: string): boolean => knownDecoder(name) !== undefined

/** An unknown or missing charset is read as browsers read it: windows-1252. */
const decoderFor = (charset: string | undefined): TextDecoder =>
  (charset === undefined || charset === 'us-ascii' ? undefined : knownDecoder(charset)) ??
  WINDOWS_1252

const WINDOWS_1252 = new TextDecoder('windows-1252')
/** By the labels of the Encoding standard, of which there are some 230. */
const decoders = new Map<string, TextDecoder>()

function knownDecoder(label: string): TextDecoder | undefined {
  const made = decoders.get(label)
  if (made) return made
  try {
    const decoder = new TextDecoder(label)
    if (decoder.encoding === 'replacement') return undefined
    decoders.set(label, decoder)
    return decoder
  } catch {
    return undefined
  }
}

/** The same bytes, not a copy. */
const asLatin1 = ({ buffer, byteOffset, byteLength }: Uint8Array): string =>
  Buffer.from(buffer, byteOffset, byteLength).toString('latin1')
