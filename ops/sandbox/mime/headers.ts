import { decodeText } from './charset.ts'

export interface Header {
  readonly name: string
  /** Unfolded and with encoded words decoded (RFC 2047), as Gmail shows it. */
  readonly value: string
  /** Unfolded, with its encoded words. */
  readonly written: string
}

/** Reads a header block, given as latin1 text. Lines that are no header are passed over, as Gmail does. */
export function parseHeaders(block: string): Header[] {
  const headers: Header[] = []
  for (const line of block.replace(/\r?\n[ \t]+/g, ' ').split(/\r?\n/)) {
    const [, name, value] = /^([!-9;-~]+)[ \t]*:[ \t]*(.*)$/.exec(line) ?? []
    if (name !== undefined && value !== undefined) {
      headers.push({ name, value: decodeWords(value), written: asText(value) })
    }
  }
  return headers
}

/** The first value of a header, whatever the case of its name. */
export function headerValue(headers: readonly Header[], name: string): string | undefined {
  const wanted = name.toLowerCase()
  return headers.find((header) => header.name.toLowerCase() === wanted)?.value
}

const ENCODED_WORD = /=\?([^?*\s]+)(?:\*[^?]*)?\?([bq])\?([^?]*)\?=/gi

/**
 * Decodes the encoded words of a value (RFC 2047 §6.2: white space between two of them is dropped). Words of one charset
 * side by side are decoded together: many programs cut a text between the bytes of a character.
 */
export function decodeWords(value: string): string {
  return asText(value)
    .replace(/(\?=)\s+(?==\?[^?\s]+\?[bq]\?)/gi, '$1')
    .replace(ENCODED_WORDS, (words) => decodeSideBySide(words))
}

const ENCODED_WORDS = new RegExp(`(?:${ENCODED_WORD.source})+`, 'gi')

function decodeSideBySide(words: string): string {
  const runs: { charset: string; bytes: Buffer[] }[] = []
  for (const [, charset = '', encoding = '', content = ''] of words.matchAll(ENCODED_WORD)) {
    const bytes = decodeWord(encoding, content)
    const last = runs.at(-1)
    // Each word of ISO-2022 begins in ASCII again (RFC 1468), so its bytes cannot be joined.
    const isJoined = last?.charset === charset.toLowerCase() && !/^iso-2022-/i.test(charset)
    if (last && isJoined) last.bytes.push(bytes)
    else runs.push({ charset: charset.toLowerCase(), bytes: [bytes] })
  }
  return runs.map(({ charset, bytes }) => decodeText(Buffer.concat(bytes), charset)).join('')
}

function decodeWord(encoding: string, content: string): Buffer {
  if (encoding.toLowerCase() === 'b') return Buffer.from(content, 'base64')
  const bytes = content
    .replaceAll('_', ' ')
    .replace(/=([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return Buffer.from(bytes, 'latin1')
}

/** What stands in a header without being encoded, from latin1. */
const asText = (value: string): string =>
  hasEightBits(value) ? decodeText(Buffer.from(value, 'latin1'), 'x-guess') : value

const hasEightBits = (value: string) => /[\x80-\xff]/.test(value)
