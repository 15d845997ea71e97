import type { Quote } from './quote-ranges.ts'
import { isQuoted } from './quote-ranges.ts'
import type { TextWords } from './text-words.ts'

/** How much of a quote stands in one text. */
export interface Match {
  /** For each line of the quote whether it stands there; an empty one goes with the line above it. */
  readonly said: readonly boolean[]
  /** Characters of the lines that have words. */
  readonly total: number
  /** Of them, those of lines that stand there. */
  readonly known: number
}

/** Lines of so few words are a quote only where they follow one, or as whole lines. */
const FEW_WORDS = 3
/** Of places where the same three words stand, so many are tried for one line. */
const MAX_TRIES = 64
/** Texts that have most of what a quote begins its lines with. */
const MAX_TEXTS = 8
/** Steps of all the looking: each is a word that is compared, or a place that is known. */
const MAX_STEPS = 3_000_000
/** A ruler goes with the line above it as an empty line does; what else has no words may be an answer. */
const NO_ANSWER = /^[-_=*~.\u2014\u2500]*$/
const MAX_ASKED = 60_000
const MAX_PLACES = 400_000
/** A text has fewer words, so that a text and a place in it are one number. */
const PLACES_A_TEXT = 131_072

/**
 * What earlier messages of a conversation said. A quote of one of them is a stretch of its text, in order: words that stand
 * here and there in it are no quote, nor are lines of several messages. Only places that quotes may begin at are kept.
 */
export class QuoteMatcher {
  readonly #texts: TextWords[] = []
  /** By the words that a line of a quote begins with, where they stand, in order. */
  readonly #places = new Map<number, number[]>()
  #kept = 0
  #steps = 0
  #isCut = false

  /** @param asked the quotes that will be looked for; what goes beyond 60,000 lines of them is not found */
  constructor(asked: Iterable<Quote>) {
    for (const { lines, stretch, words } of asked)
      for (let line = stretch.body; line < stretch.to; line += 1) {
        const key = keyOf(words, line, isQuoted(lines[line]))
        if (key === undefined) continue
        if (this.#places.size >= MAX_ASKED) this.#isCut = true
        else if (!this.#places.has(key)) this.#places.set(key, [])
      }
  }

  /** Whether a quote may have been missed, because there was too much to be compared. */
  get isCut(): boolean {
    return this.#isCut
  }

  /** Adds a text; returns its number, which counts up from 0. */
  add(text: TextWords): number {
    const number = this.#texts.length
    this.#texts.push(text)
    this.#isCut ||= text.isCut
    const { words, ends } = text
    const first = number * PLACES_A_TEXT
    for (let at = 0; at + FEW_WORDS <= words.length; at += 1)
      this.#keep(runAt(words, at), first + at)
    let from = 0
    for (const end of ends) {
      if (end > from && end - from <= FEW_WORDS) this.#keep(lineAt(words, from, end), first + from)
      from = end
    }
    return number
  }

  /** How much of a quote stands in the one text of those from `first` to before `end` that has most of it. */
  find(quote: Quote, first: number, end: number): Match {
    let best: Match = this.#match(quote, undefined)
    for (const number of this.#likely(quote, first, end)) {
      const match = this.#match(quote, number)
      if (match.known > best.known) best = match
      if (best.known === best.total) break
    }
    return best
  }

  #keep(key: number, place: number): void {
    const places = this.#places.get(key)
    if (!places) return
    if (this.#kept >= MAX_PLACES) this.#isCut = true
    else {
      this.#kept += 1
      places.push(place)
    }
  }

  /** Texts that have something of a quote, the ones that have most and the later ones first. */
  #likely({ lines, stretch, words }: Quote, first: number, end: number): number[] {
    const counts = new Map<number, number>()
    for (let line = stretch.body; line < stretch.to; line += 1) {
      const places = this.#placesOf(words, line, isQuoted(lines[line]))
      let last = -1
      for (let at = firstNotBelow(places, first * PLACES_A_TEXT); at < places.length; at += 1) {
        const number = Math.floor((places[at] ?? 0) / PLACES_A_TEXT)
        if (number >= end || !this.#mayGoOn()) break
        if (number !== last) counts.set(number, (counts.get(number) ?? 0) + 1)
        last = number
      }
    }
    return [...counts]
      .sort(([a, one], [b, other]) => other - one || b - a)
      .slice(0, MAX_TEXTS)
      .map(([number]) => number)
  }

  /** Where a line of a quote may begin, in all texts, in order. */
  #placesOf(words: TextWords, line: number, isMarked: boolean): readonly number[] {
    const key = keyOf(words, line, isMarked)
    return (key === undefined ? undefined : this.#places.get(key)) ?? []
  }

  #match({ lines, stretch, words }: Quote, number: number | undefined): Match {
    const said: boolean[] = []
    let [pointer, total, known] = [0, 0, 0]
    for (let line = stretch.body; line < stretch.to; line += 1) {
      const written = (lines[line] ?? '').replace(/^[>\s]+/, '').trimEnd()
      const isMarked = isQuoted(lines[line])
      if (line < words.ends.length && countOf(words, line) === 0) {
        const above = said.at(-1) ?? number !== undefined
        said.push(above && (isMarked || NO_ANSWER.test(written)))
        continue
      }
      const next = this.#after(number, pointer, { words, line, isMarked })
      said.push(next >= 0)
      total += written.length
      if (next < 0) continue
      known += written.length
      pointer = next
    }
    return { said, total, known }
  }

  /** The word after a line of a quote in a text, at `pointer` or later; -1 when it does not stand there. */
  #after(number: number | undefined, pointer: number, asked: AskedLine): number {
    const text = number === undefined ? undefined : this.#texts[number]
    const { words, line, isMarked } = asked
    if (number === undefined || !text || line >= words.ends.length) return -1
    const count = countOf(words, line)
    // Without a mark, a few words are a quote only up to where a line ends: `Yes` below a question is an answer.
    const mayEnd = isMarked || count > FEW_WORDS || isLineEnd(text, pointer + count)
    if (mayEnd && this.#stands(text, pointer, asked)) return pointer + count
    const place = this.#placeFrom(number, pointer, text, asked)
    return place < 0 ? -1 : place + count
  }

  /** Where a line stands in a text, further on; without a mark only where a line begins. */
  #placeFrom(number: number, pointer: number, text: TextWords, asked: AskedLine): number {
    const places = this.#placesOf(asked.words, asked.line, asked.isMarked)
    const base = number * PLACES_A_TEXT
    const first = firstNotBelow(places, base + pointer)
    for (const each of places.slice(first, first + MAX_TRIES)) {
      const place = each - base
      if (place >= PLACES_A_TEXT) return -1
      if ((asked.isMarked || isLineStart(text, place)) && this.#stands(text, place, asked))
        return place
    }
    return -1
  }

  /** Whether the words of a line stand in a text from `place` on. */
  #stands(text: TextWords, place: number, { words, line }: AskedLine): boolean {
    const from = startOf(words, line)
    const count = countOf(words, line)
    if (place + count > text.words.length) return false
    for (let at = 0; at < count; at += 1) {
      if (!this.#mayGoOn()) return false
      if (text.words[place + at] !== words.words[from + at]) return false
    }
    return true
  }

  #mayGoOn(): boolean {
    this.#steps += 1
    if (this.#steps <= MAX_STEPS) return true
    this.#isCut = true
    return false
  }
}

interface AskedLine {
  readonly words: TextWords
  readonly line: number
  readonly isMarked: boolean
}

const startOf = ({ ends }: TextWords, line: number): number => ends[line - 1] ?? 0
const countOf = (words: TextWords, line: number): number =>
  (words.ends[line] ?? 0) - startOf(words, line)

/** By what a line is looked for: its first words, or all of a short one that carries a mark; undefined when it is not. */
function keyOf(words: TextWords, line: number, isMarked: boolean): number | undefined {
  if (line >= words.ends.length) return undefined
  const from = startOf(words, line)
  const count = countOf(words, line)
  if (count > FEW_WORDS) return runAt(words.words, from)
  return count > 0 && isMarked ? lineAt(words.words, from, from + count) : undefined
}

function runAt(words: Int32Array, at: number): number {
  return joined(joined(words[at] ?? 0, words[at + 1] ?? 0), words[at + 2] ?? 0)
}

function lineAt(words: Int32Array, from: number, end: number): number {
  let sum = end - from
  for (let at = from; at < end; at += 1) sum = joined(sum, words[at] ?? 0)
  return ~sum
}

const joined = (sum: number, word: number): number => (Math.imul(sum, 31) + word) | 0

const isLineEnd = ({ ends }: TextWords, at: number): boolean => ends[firstNotBelow(ends, at)] === at

const isLineStart = (text: TextWords, at: number): boolean => at === 0 || isLineEnd(text, at)

/** Where in an ordered list the first number is that is not below this one. */
function firstNotBelow(ordered: ArrayLike<number>, number: number): number {
  let [low, high] = [0, ordered.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((ordered[middle] ?? 0) < number) low = middle + 1
    else high = middle
  }
  return low
}
