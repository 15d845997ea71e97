import type { Message } from '../gmail/methods.ts'
import { isForwardSubject } from '../gmail/parent.ts'
import { type LineWords, wordsOfLines } from '../mime/line-words.ts'
import { isSaid, type QuotedLine, quotedLines } from '../mime/quotes.ts'
import { Said } from '../mime/said.ts'
import { type Body, isOwnWords, withoutQuotes } from './body.ts'
import type { Section } from './body-reader.ts'
import { roughBody } from './part-text.ts'

/** A message of a thread that is told. */
interface Told {
  readonly message: Message
  readonly envelope: { readonly subject: string }
  readonly body?: Body
}

/**
 * The same messages without what each repeats of the ones before it in the thread, told here or not. Of those that are
 * not told only so many are looked at, the last one first, as it takes to find what is quoted: in most threads one or two.
 */
export function withoutThreadQuotes<T extends Told>(
  told: readonly T[],
  all: readonly Message[]
): readonly T[] {
  const read = told.map((each) => ({ each, ...wordsOf(each.body) }))
  const asked = read.flatMap(({ quoted }) => quoted.map(({ words }) => words))
  if (asked.length === 0) return told
  const alone = new Said(asked)
  const missing = read.flatMap(({ quoted, words }) => {
    const unsaid = quoted.filter((line) => !isSaid(line, alone))
    for (const lines of words.values()) alone.add(lines)
    return unsaid
  })
  const first = told[0] ? all.indexOf(told[0].message) : 0
  const said = new Said(asked)
  for (const lines of wordsThatSay(missing, all.slice(0, first))) said.add(lines)
  return read.map(({ each, words }) => {
    if (!each.body) return each
    const earlier = each.message === all[0] ? undefined : said
    const isForward = isForwardSubject(each.envelope.subject)
    const body = withoutQuotes(each.body, { earlier, isForward }, words)
    for (const lines of words.values()) said.add(lines)
    return { ...each, body }
  })
}

/** The words of each section of a body, and those lines of it that may be quotes. */
function wordsOf(body: Body | undefined): {
  words: Map<Section, readonly LineWords[]>
  quoted: QuotedLine[]
} {
  const words = new Map(
    (body?.sections ?? []).map((section) => [section, wordsOfLines(section.text)] as const)
  )
  const quoted = [...words].flatMap(([section, lines]) =>
    isOwnWords(section) ? quotedLines(section.text, lines) : []
  )
  return { words, quoted }
}

/** The words of the last messages, as many as it takes to find these lines; of all when they are not found. */
function wordsThatSay(
  lines: readonly QuotedLine[],
  messages: readonly Message[]
): (readonly LineWords[])[] {
  const found = new Said(lines.map(({ words }) => words))
  const texts: LineWords[][] = []
  let missing = lines
  for (const message of messages.toReversed()) {
    if (missing.length === 0) break
    const text = wordsOfLines(roughBody(message))
    texts.push(text)
    found.add(text)
    missing = missing.filter((line) => !isSaid(line, found))
  }
  return texts
}
