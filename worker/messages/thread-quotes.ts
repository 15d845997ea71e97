import type { Message } from '../gmail/mailbox.ts'
import { headerValues } from '../gmail/read-message.ts'
import { isForwardSubject, isReplySubject } from '../gmail/reply-headers.ts'
import { type Match, QuoteMatcher } from '../mime/quote-matcher.ts'
import { type Quote, type QuotingText, quotesOf, quotingText } from '../mime/quote-ranges.ts'
import { type Role, withoutIntroduced, withoutSaid } from '../mime/strip-quotes.ts'
import { wordsOfText } from '../mime/text-words.ts'
import type { Section } from './body-reader.ts'
import { roughForms } from './part-text.ts'
import { type Body, isOwnWords, withoutQuotes } from './read-body.ts'

/** A message of a thread that is told. */
interface Told {
  readonly message: Message
  readonly envelope: { readonly subject: string }
  readonly body?: Body
}

/** A quote and where it was found so far. */
interface Sought {
  readonly quote: Quote
  /** Which message of the thread has it. */
  readonly holder: number
  match: Match
}

/** Characters of messages that are looked at besides what is told. */
const MAX_BESIDE_CHARS = 3_000_000

/**
 * The same messages without what each repeats of the ones before it in the thread, told here or not. Of those that are
 * not told only so many are looked at, the last one first, as it takes to find what is quoted: in most threads one or two.
 * Of a message that is alone in its thread goes what is introduced as a quote, where its header or a program says so too.
 */
export function withoutThreadQuotes<T extends Told>(
  told: readonly T[],
  all: readonly Message[]
): readonly T[] {
  const texts = told.map(({ body }) => quotingTexts(body))
  if (texts.every(({ size }) => size === 0)) return told
  if (all.length < 2)
    return told.map((each, at) => {
      const role = roleOf(each)
      return stripped(each, texts[at], (_, text) => withoutIntroduced(text, role))
    })
  const sought = seek(told, texts, all)
  return told.map((each, at) => {
    const own = sought.bySection[at]
    const bare = stripped(each, texts[at], (section, text) =>
      withoutSaid(text, own?.get(section)?.map(({ match }) => match) ?? [])
    )
    const isKept = sought.isCut && [...(own?.values() ?? [])].flat().some(isMissing)
    return isKept && bare.body
      ? { ...bare, body: { ...bare.body, leftOut: { ...bare.body.leftOut, isQuoteKept: true } } }
      : bare
  })
}

/** Only an answer and what is sent on name messages before them (RFC 5322, section 3.6.4). */
function roleOf({ message, envelope: { subject } }: Told): Role {
  const isForward = isForwardSubject(subject)
  const namesOthers = ['in-reply-to', 'references'].some(
    (name) => headerValues(message, name).length > 0
  )
  return { isForward, isAnswer: !isForward && (isReplySubject(subject) || namesOthers) }
}

type QuotingTexts = ReadonlyMap<Section, QuotingText>

/** The sections of a body in which something has the form of a quote. */
function quotingTexts(body: Body | undefined): QuotingTexts {
  const found = new Map<Section, QuotingText>()
  for (const section of body?.sections ?? []) {
    const text = isOwnWords(section) ? quotingText(section.text) : undefined
    if (text && text.stretches.length > 0) found.set(section, text)
  }
  return found
}

const stripped = <T extends Told>(
  told: T,
  texts: QuotingTexts | undefined,
  strip: (section: Section, text: QuotingText) => { text: string; leftOut: number }
): T =>
  told.body
    ? {
        ...told,
        body: withoutQuotes(told.body, (section) => {
          const text = texts?.get(section)
          return text ? strip(section, text) : { text: section.text, leftOut: 0 }
        })
      }
    : told

const isMissing = ({ match }: Sought): boolean => match.known < match.total

/** Looks for the quotes of all messages in what is told before each of them, and then in the rest of the thread. */
function seek(
  told: readonly Told[],
  texts: readonly QuotingTexts[],
  all: readonly Message[]
): { bySection: readonly Map<Section, Sought[]>[]; isCut: boolean } {
  const words = told.map(({ body }) =>
    (body?.sections ?? []).map((section) => ({ section, words: wordsOfText(section.text) }))
  )
  const quotes = words.map((sections, at) =>
    sections.map((each) => ({
      ...each,
      quotes: quotesOf(texts[at]?.get(each.section), each.words)
    }))
  )
  const said = new QuoteMatcher(quotes.flat().flatMap((each) => each.quotes))
  let before = 0
  const bySection = quotes.map((sections, at) => {
    const holder = all.findIndex(({ id }) => id === told[at]?.message.id)
    const found = new Map(
      sections.map((each) => [
        each.section,
        each.quotes.map((quote) => ({ quote, holder, match: said.find(quote, 0, before) }))
      ])
    )
    for (const each of sections) before = said.add(each.words) + 1
    return found
  })
  const seen = new Map(
    told.map(({ message, body }) => [
      message.id ?? '',
      new Set<string>(body?.sections.map(({ kind }) => kind))
    ])
  )
  const sought = bySection.flatMap((found) => [...found.values()].flat())
  const isBesideCut = seekBeside(said, sought, all, seen)
  return { bySection, isCut: said.isCut || isBesideCut }
}

/**
 * Looks in the forms of the messages of the thread that were not `seen`; returns whether there was more than is looked at.
 */
function seekBeside(
  said: QuoteMatcher,
  sought: readonly Sought[],
  all: readonly Message[],
  seen: ReadonlyMap<string, ReadonlySet<string>>
): boolean {
  let missing = sought.filter(isMissing)
  let isCut = false
  let room = MAX_BESIDE_CHARS
  for (let at = all.length - 1; at >= 0 && missing.length > 0; at -= 1) {
    const message = all[at]
    const asking = missing.filter(({ holder }) => holder > at)
    if (!message || asking.length === 0) continue
    if (room <= 0) return true
    for (const { kind, read } of roughForms(message)) {
      if (seen.get(message.id ?? '')?.has(kind)) continue
      const form = read()
      isCut ||= form.isCut
      room -= form.text.length
      seekIn(said, asking, form.text)
    }
    missing = missing.filter(isMissing)
  }
  return isCut
}

function seekIn(said: QuoteMatcher, asking: readonly Sought[], text: string): void {
  const number = said.add(wordsOfText(text))
  for (const each of asking) {
    const match = said.find(each.quote, number, number + 1)
    if (match.known > each.match.known) each.match = match
  }
}
