import { TextDecoder } from 'node:util'

/** Names found in mail that the Encoding standard does not list. */
const ALIASES: Readonly<Record<string, string>> = {
  cp932: 'shift_jis',
  cp936: 'gbk',
  cp949: 'euc-kr',
  cp950: 'big5',
  'iso-8859-8-e': 'iso-8859-8',
  ms932: 'shift_jis',
  'x-unknown': 'utf-8'
}

/**
 * Text of a part's bytes. The declared charset is believed unless the bytes are well-formed UTF-8 beyond ASCII, which
 * other encodings hardly ever are by chance (Gmail itself converts some parts). Never throws: what cannot be decoded
 * becomes U+FFFD.
 */
export function decodeText(bytes: Uint8Array, charset: string | undefined): string {
  if (bytes.some((byte) => byte >= 0x80)) {
    const utf8 = strictUtf8(bytes)
    if (utf8 !== undefined) return utf8
  }
  return decoderFor(charset).decode(bytes)
}

function strictUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return undefined
  }
}

/** An unknown or missing charset is read as browsers read it: windows-1252. */
function decoderFor(charset: string | undefined): TextDecoder {
  const name = (charset ?? '')
    .trim()
    .replace(/^["']|["']$/g, '')
    .toLowerCase()
  for (const label of [ALIASES[name] ?? name, 'windows-1252']) {
    try {
      if (label && label !== 'us-ascii') return new TextDecoder(label)
    } catch {
      // Not a name that the Encoding standard knows.
    }
  }
  return new TextDecoder('windows-1252')
}
