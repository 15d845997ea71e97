import { isAscii } from 'node:buffer'
import { decodeEntities } from './html-entities.ts'

/** What words a text has. */
export interface Words {
  readonly all: ReadonlySet<string>
  /** Whether there is more text than was looked at. */
  readonly isCut: boolean
}

/** Words of a text for comparing: letters and digits in lower case, without addresses; pairs where no blanks part words. */
export function wordsOf(text: string): Words {
  const isLong = text.length > MAX_CHARS
  const plain = text
    .slice(0, MAX_CHARS)
    .replace(/\b(https?:\/\/|www\.|mailto:)\S+/gi, ' ')
    .toLowerCase()
  if (!BEYOND_ASCII.test(plain)) {
    const words = plain.match(ASCII_WORD) ?? []
    return { all: new Set(words.slice(0, MAX_WORDS)), isCut: isLong || words.length > MAX_WORDS }
  }
  const found = new Set<string>()
  for (const [word] of plain.matchAll(WORD)) {
    if (found.size >= MAX_WORDS) return { all: found, isCut: true }
    if (UNPARTED.test(word)) {
      const characters = [...word]
      for (let at = 0; at < characters.length; at += 1)
        found.add(characters.slice(at, at + 2).join(''))
    } else if (word.length > 1 || /\p{N}/u.test(word)) found.add(word)
  }
  return { all: found, isCut: isLong }
}

const BEYOND_ASCII = /[^\0-\x7f]/
const ASCII_WORD = /[a-z0-9]{2,}|[0-9]/g
const WORD = /[\p{L}\p{N}\p{M}]+/gu
const MAX_CHARS = 200_000
const MAX_WORDS = 20_000
const UNPARTED =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u

/** How many of `words` are in `others`, from 0 to 1. */
function shareIn(words: ReadonlySet<string>, others: ReadonlySet<string>): number {
  if (words.size === 0) return 1
  let known = 0
  for (const word of words) if (others.has(word)) known += 1
  return known / words.size
}

/** Of what people see hardly a word may be missing: a paragraph more is not to be lost. */
const ALIKE = 0.95
/** What only the plain form says nobody sees. */
const NOTHING_ELSE = 0.9

/** Whether two texts are the same but for blanks and marks: the usual case, told without looking at words. */
export function areSame(one: string, other: string): boolean {
  const [here, there] = [Buffer.from(one), Buffer.from(other)]
  if (!isAscii(here) || !isAscii(there)) return bare(one) === bare(other)
  let at = 0
  for (const byte of here) {
    if (BARE[byte] === 1) continue
    while (BARE[there[at] ?? END] === 1) at += 1
    if (byte !== there[at]) return false
    at += 1
  }
  while (BARE[there[at] ?? END] === 1) at += 1
  return at >= there.length
}

const IN_ONE_FORM_ONLY = /[\s>*_[\]()-]+/g
const bare = (text: string): string => text.replace(IN_ONE_FORM_ONLY, '')
const END = 0x80
const BARE = Uint8Array.from({ length: END + 1 }, (_, code) =>
  code < END && bare(String.fromCharCode(code)) === '' ? 1 : 0
)

/** Whether a plain text is a form of what people see: it says next to all of that, and next to nothing else. */
export const isFormOf = (plain: Words, seen: Words): boolean =>
  shareIn(plain.all, seen.all) >= NOTHING_ELSE && shareIn(seen.all, plain.all) >= ALIKE

const BREAKING =
  /^\/?(p|div|br|td|th|tr|li|h[1-6]|table|ul|ol|dl|dt|dd|hr|center|blockquote|pre|section|article)\b/i
const SKIPPED = /^(style|script|title|head)\b/i

/** Roughly the text of HTML, hidden parts included, in one pass and without a tree. */
export function roughText(html: string): string {
  const pieces: string[] = []
  let at = 0
  while (at < html.length) {
    const open = html.indexOf('<', at)
    pieces.push(html.slice(at, open < 0 ? undefined : open))
    if (open < 0) break
    if (html.startsWith('<!--', open)) {
      at = after(html, '-->', open)
      continue
    }
    const close = html.indexOf('>', open)
    if (close < 0) break
    const tag = html.slice(open + 1, Math.min(close, open + 20))
    if (BREAKING.test(tag)) pieces.push(' ')
    const skipped = SKIPPED.exec(tag)?.[1]
    at = skipped === undefined ? close + 1 : afterElement(html, skipped, close)
  }
  return decodeEntities(pieces.join(''))
}

function after(html: string, end: string, from: number): number {
  const found = html.indexOf(end, from)
  return found < 0 ? html.length : found + end.length
}

function afterElement(html: string, name: string, from: number): number {
  for (let at = html.indexOf('</', from); at >= 0; at = html.indexOf('</', at + 2))
    if (html.slice(at + 2, at + 2 + name.length).toLowerCase() === name.toLowerCase())
      return after(html, '>', at)
  return html.length
}
