/** Characters of one result's text: more would crowd out the client's context. */
export const RESULT_CHARS = 25_000

export interface Truncated {
  readonly text: string
  readonly truncated: boolean
  /** Where to read on; only when truncated. */
  readonly nextOffset?: number
  readonly totalChars: number
}

/** A piece of `text`, from `offset`, of at most `length` characters; it ends at a line or a word where it can. */
export function truncate(text: string, offset: number, length: number): Truncated {
  const totalChars = text.length
  const from = Math.min(offset, totalChars)
  if (totalChars - from <= length) return { text: text.slice(from), truncated: false, totalChars }
  const end = boundary(text, from, from + length)
  return { text: text.slice(from, end), truncated: true, nextOffset: end, totalChars }
}

/** Shortens a line for a list. */
export const ellipsis = (text: string, length: number): string =>
  text.length <= length ? text : `${text.slice(0, boundary(text, 0, length - 1))}…`

/** The best place to end at or before `end`: after a line, after a word, never within a character. */
function boundary(text: string, from: number, end: number): number {
  const earliest = from + Math.floor((end - from) * 0.8)
  const line = text.lastIndexOf('\n', end - 1)
  if (line >= earliest) return line + 1
  const word = text.lastIndexOf(' ', end - 1)
  if (word >= earliest) return word + 1
  const splits = end > from + 1 && /[\ud800-\udbff]/.test(text[end - 1] ?? '')
  return Math.max(from + 1, splits ? end - 1 : end)
}
