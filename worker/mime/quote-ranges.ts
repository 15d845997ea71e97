import {
  attributionLength,
  headerBlockLength,
  isDated,
  isForwardLine,
  isOriginalLine,
  isProgramHeader,
  isRuler
} from './quote-marks.ts'
import type { TextWords } from './text-words.ts'

/** A text with what of it has the form of a quote. */
export interface QuotingText {
  readonly text: string
  readonly lines: readonly string[]
  readonly stretches: readonly QuoteRange[]
}

/** A stretch of lines that have the form of a quote. */
export interface QuoteRange {
  readonly from: number
  /** After the lines that introduce it. */
  readonly body: number
  /** After the last line. */
  readonly to: number
  /** `marks`: nothing but `>` in front of the lines; `forward`: a line says that a message is sent on. */
  readonly form: 'marks' | 'marks below words' | 'below words' | 'below a header' | 'forward'
  /** Whether a program wrote what introduces it, as far as can be told: nobody types so much. */
  readonly isProgram: boolean
}

/** Finds the stretches of a text. */
export function quotingText(text: string): QuotingText {
  const lines = text.split('\n')
  const attributions = attributionsOf(lines)
  const stretches: QuoteRange[] = []
  let at = 0
  while (at < lines.length) {
    const stretch = stretchAt(lines, at, attributions)
    if (stretch) stretches.push(stretch)
    at = stretch?.to ?? at + 1
  }
  return { text, lines, stretches }
}

/** Whether a line carries a mark of a quote. */
export const isQuoted = (line: string | undefined): boolean => /^\s{0,3}>/.test(line ?? '')

/** How many lines introduce a quote, by the first one of them. */
function attributionsOf(lines: readonly string[]): ReadonlyMap<number, number> {
  const found = new Map<number, number>()
  for (let last = 0; last < lines.length; last += 1) {
    const length = attributionLength(lines, last)
    if (length > 0) found.set(last - length + 1, length)
  }
  return found
}

function stretchAt(
  lines: readonly string[],
  at: number,
  attributions: ReadonlyMap<number, number>
): QuoteRange | undefined {
  const line = (lines[at] ?? '').trim()
  if (line === '') return undefined
  if (isQuoted(lines[at])) return marked(lines, at)
  const isForwarded = isForwardLine(line)
  const isBar = isForwarded || isOriginalLine(line)
  const head = isBar || isRuler(line) ? nextFull(lines, at + 1) : at
  const introduced = isBar || head === at ? (attributions.get(head) ?? 0) : 0
  if (introduced > 0) return belowWords(lines, at, head + introduced)
  const header = headerBlockLength(lines, head)
  if (!isBar && header === 0) return undefined
  const form = isForwarded ? 'forward' : 'below a header'
  const isProgram = isBar || isProgramHeader(lines.slice(head, head + header), head > at)
  return { from: at, body: head + header, to: lines.length, form, isProgram }
}

/** More lines do not introduce a quote. */
const MAX_HEAD_LINES = 14

/** Some programs put the marks before what introduces a quote as well. */
function marked(lines: readonly string[], from: number): QuoteRange {
  const to = endOfQuoted(lines, from)
  const first = lines
    .slice(from, Math.min(to, from + MAX_HEAD_LINES))
    .map((line) => line.replace(/^\s{0,3}> ?/, ''))
  const head = headerBlockLength(first, 0)
  const words = first
    .slice(0, 3)
    .findIndex((_, last) => attributionLength(first, last) === last + 1)
  const length = head > 0 ? head : words + 1
  const body = length > 0 ? nextFull(lines, from + length, isEmptyQuoted) : from
  const form = length > 0 ? 'marks below words' : 'marks'
  const isProgram =
    head > 0 ? isProgramHeader(first.slice(0, head), false) : isDated(first.slice(0, length))
  return { from, body: Math.min(body, to), to, form, isProgram }
}

/** Below words that introduce a quote without marks, all may be one. */
function belowWords(lines: readonly string[], from: number, below: number): QuoteRange {
  const body = nextFull(lines, below)
  const isProgram = isDated(lines.slice(from, below))
  return isQuoted(lines[body])
    ? { from, body, to: endOfQuoted(lines, body), form: 'marks below words', isProgram }
    : { from, body, to: lines.length, form: 'below words', isProgram }
}

/** Quoted lines, with empty ones between them. */
function endOfQuoted(lines: readonly string[], from: number): number {
  let end = from
  for (let at = from; at < lines.length; at += 1) {
    if (isQuoted(lines[at])) end = at + 1
    else if ((lines[at] ?? '').trim() !== '') break
  }
  return end
}

const isEmpty = (line: string): boolean => line.trim() === ''
const isEmptyQuoted = (line: string): boolean => /^[>\s\ufeff]*$/.test(line)

function nextFull(lines: readonly string[], from: number, isNone = isEmpty): number {
  let at = from
  while (at < lines.length && at < from + 3 && isNone(lines[at] ?? '')) at += 1
  return at
}

/** One stretch and its words, to be looked for in other texts. */
export interface Quote {
  readonly lines: readonly string[]
  readonly stretch: QuoteRange
  readonly words: TextWords
}

/** The quotes of a text whose words these are. */
export const quotesOf = (text: QuotingText | undefined, words: TextWords): Quote[] =>
  (text?.stretches ?? []).map((stretch) => ({ lines: text?.lines ?? [], stretch, words }))
