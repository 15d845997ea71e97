/** Text from bytes in a named charset; an unknown name is read as UTF-8, or windows-1252 where that fails. */
export function decodeText(bytes: Uint8Array, charset: string | undefined): string {
  const decoder = decoderFor(charset ?? 'utf-8')
  if (decoder) return decoder.decode(bytes)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return new TextDecoder('windows-1252').decode(bytes)
  }
}

/** The text in UTF-8, where its charset is known. One in ASCII that says UTF-16 stays what it is. */
export function asUtf8(bytes: Buffer, charset: string | undefined): Buffer {
  const decoder = charset === undefined ? undefined : decoderFor(charset.replace(/^'|'$/g, ''))
  if (!decoder || decoder.encoding === 'utf-8') return bytes
  if (decoder.encoding.startsWith('utf-16') && bytes.every((byte) => byte > 0 && byte < 0x80))
    return bytes
  return Buffer.from(decoder.decode(bytes))
}

/** Bytes of a text in windows-1252 or ISO-2022-JP, for mail as old clients wrote it. Other characters become `?`. */
export function encodeText(text: string, charset: 'windows-1252' | 'iso-2022-jp'): Buffer {
  return charset === 'windows-1252' ? encodeSingleByte(text) : encodeJapanese(text)
}

function decoderFor(charset: string): InstanceType<typeof TextDecoder> | undefined {
  try {
    return new TextDecoder(charset)
  } catch {
    return undefined
  }
}

function encodeSingleByte(text: string): Buffer {
  const all = new TextDecoder('windows-1252').decode(Uint8Array.from({ length: 256 }, (_, i) => i))
  return Buffer.from(Array.from(text, (character) => Math.max(all.indexOf(character), 0) || 63))
}

const ESCAPE_KANJI = [0x1b, 0x24, 0x42]
const ESCAPE_ASCII = [0x1b, 0x28, 0x42]

function encodeJapanese(text: string): Buffer {
  const bytes: number[] = []
  let isKanji = false
  for (const character of text) {
    const pair = jisX0208().get(character)
    if ((pair !== undefined) !== isKanji) bytes.push(...(pair ? ESCAPE_KANJI : ESCAPE_ASCII))
    isKanji = pair !== undefined
    if (pair) bytes.push(...pair)
    else bytes.push(character < '\x80' ? character.charCodeAt(0) : 63)
  }
  if (isKanji) bytes.push(...ESCAPE_ASCII)
  return Buffer.from(bytes)
}

let jis: Map<string, [number, number]> | undefined

/** The reverse of the decoder's own table; made on first need, it takes some milliseconds. */
function jisX0208(): Map<string, [number, number]> {
  if (jis) return jis
  jis = new Map()
  const decoder = new TextDecoder('iso-2022-jp')
  for (let high = 0x21; high < 0x7f; high += 1) {
    for (let low = 0x21; low < 0x7f; low += 1) {
      const character = decoder.decode(
        Uint8Array.from([...ESCAPE_KANJI, high, low, ...ESCAPE_ASCII])
      )
      if (!character.includes('\ufffd') && !jis.has(character)) jis.set(character, [high, low])
    }
  }
  return jis
}
