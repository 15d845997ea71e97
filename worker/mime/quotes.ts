import { type LineWords, wordsOfLines } from './line-words.ts'
import {
  headerBlockLength,
  isAttribution,
  isForwardLine,
  isOriginalLine,
  isRuler
} from './quote-marks.ts'
import type { Said } from './said.ts'

/** What is known of the conversation that a message is part of. */
export interface QuoteContext {
  /** What was said before, when the earlier messages are known and there are any. */
  readonly earlier?: Said | undefined
  /** Whether the message sends on another one: what stands below is new to its readers. */
  readonly isForward: boolean
}

export interface Stripped {
  readonly text: string
  /** Characters of quotes that were left out. */
  readonly leftOut: number
}

/** A stretch of lines that may be left out. */
interface Stretch {
  readonly from: number
  /** After the lines that introduce it. */
  readonly body: number
  /** After the last line. */
  readonly to: number
  /** Whether its form alone says that it is a quote: it is introduced as one. */
  readonly isIntroduced: boolean
}

/**
 * The new part of a message. What is left out is a quote by its form and stands in an earlier message, or is introduced
 * as one where no earlier messages are known; lines that nobody said before stay, wherever they stand. A text that is
 * all quote stays.
 */
export function stripQuotes(
  text: string,
  { earlier, isForward }: QuoteContext,
  words: readonly LineWords[] = earlier ? wordsOfLines(text) : []
): Stripped {
  const lines = text.split('\n')
  const isOut = new Uint8Array(lines.length)
  for (const stretch of stretchesOf(lines, isForward)) mark(lines, words, stretch, earlier, isOut)
  let leftOut = 0
  const kept: string[] = []
  for (const [at, line] of lines.entries()) {
    if (isOut[at]) leftOut += line.length + 1
    else kept.push(line)
  }
  const own = kept
    .join('\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim()
  return own === '' || leftOut === 0 ? { text, leftOut: 0 } : { text: own, leftOut }
}

/** A line of a quote. */
export interface QuotedLine {
  readonly words: LineWords
  /** Whether it carries a mark of a quote. */
  readonly isMarked: boolean
}

/** Whether somebody said it. */
export const isSaid = ({ words, isMarked }: QuotedLine, said: Said): boolean =>
  said.has(words, isMarked)

/** The lines of what has the form of a quote, forwarded messages included; none in most texts. */
export function quotedLines(text: string, words: readonly LineWords[]): QuotedLine[] {
  const lines = text.split('\n')
  return stretchesOf(lines, false).flatMap(({ body, to }) =>
    lines.slice(body, to).flatMap((line, at) => {
      const own = words[body + at]
      return own && own.count > 0 ? [{ words: own, isMarked: isQuoted(line) }] : []
    })
  )
}

function mark(
  lines: readonly string[],
  words: readonly LineWords[],
  { from, body, to, isIntroduced }: Stretch,
  earlier: Said | undefined,
  isOut: Uint8Array
): void {
  if (!earlier) {
    if (isIntroduced) isOut.fill(1, from, to)
    return
  }
  const said: boolean[] = []
  let total = 0
  let known = 0
  for (let at = body; at < to; at += 1) {
    const line = lines[at] ?? ''
    const { length } = line.replace(/^[>\s]+/, '')
    const own = words[at]
    // Empty lines go with the one above them.
    const wasSaid = length === 0 || !own ? (said.at(-1) ?? true) : earlier.has(own, isQuoted(line))
    said.push(wasSaid)
    total += length
    known += wasSaid ? length : 0
  }
  // A quote of which most is new to the conversation is from somewhere else.
  if (known < total / 2) return
  isOut.fill(1, from, body)
  for (const [at, wasSaid] of said.entries()) if (wasSaid) isOut[body + at] = 1
}

function stretchesOf(lines: readonly string[], isForward: boolean): Stretch[] {
  const found: Stretch[] = []
  let at = 0
  while (at < lines.length) {
    const stretch = stretchAt(lines, at, isForward)
    if (stretch) found.push(stretch)
    at = stretch?.to ?? at + 1
  }
  return found
}

function stretchAt(lines: readonly string[], at: number, isForward: boolean): Stretch | undefined {
  const line = (lines[at] ?? '').trim()
  const end = lines.length
  if (line === '') return undefined
  if (isQuoted(lines[at]))
    return { from: at, body: at, to: endOfQuoted(lines, at), isIntroduced: false }
  const introduced = isAttribution(lines, at)
  if (introduced > 0) {
    const body = nextFull(lines, at + introduced)
    // Below words that introduce a quote without marks, all may be one.
    return isQuoted(lines[body])
      ? { from: at, body, to: endOfQuoted(lines, body), isIntroduced: true }
      : { from: at, body, to: end, isIntroduced: false }
  }
  const isForwarded = isForwardLine(line)
  const isBar = isForwarded || isOriginalLine(line)
  const block = isBar || isRuler(line) ? nextFull(lines, at + 1) : at
  const header = headerBlockLength(lines, block)
  if (!isBar && header === 0) return undefined
  return { from: at, body: block + header, to: end, isIntroduced: !isForward && !isForwarded }
}

const isQuoted = (line: string | undefined): boolean => /^\s{0,3}>/.test(line ?? '')

/** Quoted lines, with empty ones between them. */
function endOfQuoted(lines: readonly string[], from: number): number {
  let end = from
  for (let at = from; at < lines.length; at += 1) {
    if (isQuoted(lines[at])) end = at + 1
    else if ((lines[at] ?? '').trim() !== '') break
  }
  return end
}

function nextFull(lines: readonly string[], from: number): number {
  let at = from
  while (at < lines.length && at < from + 3 && (lines[at] ?? '').trim() === '') at += 1
  return at
}
