import { decodeWords } from 'postal-mime'

const WORD = /=\?([^?*\s]{1,80})(?:\*[^?]*)?\?([bq])\?([^?]*)\?=/gi
const WORDS = new RegExp(`(?:${WORD.source}\\s*)*${WORD.source}`, 'gi')
/** Each word of these begins in ASCII again (RFC 1468): their bytes cannot be joined. */
const STATEFUL = /^(iso-2022-|hz-|utf-7)/i

/**
 * Text with its encoded words decoded (RFC 2047). Words of one charset side by side are decoded together, since many
 * programs cut a text between the bytes of a character, against section 5 of it. Never throws.
 */
export function decodeEncodedWords(text: string): string {
  return text.includes('=?') ? decodeWords(text.replace(WORDS, joined)) : text
}

function joined(words: string): string {
  const runs: { charset: string; bytes: Buffer[] }[] = []
  for (const [, charset = '', encoding = '', content = ''] of words.matchAll(WORD)) {
    const bytes = encoding.toLowerCase() === 'b' ? Buffer.from(content, 'base64') : fromQ(content)
    const last = runs.at(-1)
    const isSame = last?.charset === charset.toLowerCase() && !STATEFUL.test(charset)
    if (last && isSame) last.bytes.push(bytes)
    else runs.push({ charset: charset.toLowerCase(), bytes: [bytes] })
  }
  return runs
    .map(({ charset, bytes }) => `=?${charset}?B?${Buffer.concat(bytes).toString('base64')}?=`)
    .join(' ')
}

const fromQ = (content: string): Buffer =>
  Buffer.from(
    content
      .replaceAll('_', ' ')
      .replace(/=([0-9a-f]{2})/gi, (_, hex: string) =>
        String.fromCharCode(Number.parseInt(hex, 16))
      ),
    /[\u0100-\uffff]/.test(content) ? 'utf8' : 'latin1'
  )
