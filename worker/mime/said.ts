import { MarkedNumbers } from './marked-numbers.ts'

/**
 * What earlier messages of a conversation said, as lines and as runs of words. Only what it will be asked for is kept: a
 * thread says much more than is quoted on one page of it.
 */
export class Said {
  readonly #runs = new MarkedNumbers(MAX_RUNS)
  readonly #lines = new MarkedNumbers(MAX_RUNS)
  #isEmpty = true

  /**
   * @param asked the texts whose lines `has` will be asked for. What goes beyond 300,000 different words and runs of
   *   words counts as new.
   */
  constructor(asked: Iterable<string>) {
    for (const text of asked)
      for (const line of text.split('\n')) {
        const { runs, count } = runsOf(line)
        this.#lines.add(combined(runs, count))
        for (let at = 0; at < count * STEP; at += 1) this.#runs.add(runs[at] ?? 0)
      }
  }

  add(text: string): void {
    this.#isEmpty = false
    for (const line of text.split('\n')) {
      const { runs, count } = runsOf(line)
      if (count <= RUN_WORDS) this.#lines.mark(combined(runs, count))
      for (let at = 0; at < count * STEP; at += STEP) {
        // Nobody asks for a run that ends with a word nobody asks for.
        if (!this.#runs.mark(runs[at] ?? 0)) continue
        this.#runs.mark(runs[at + 1] ?? 0)
        this.#runs.mark(runs[at + 2] ?? 0)
      }
    }
  }

  get isEmpty(): boolean {
    return this.#isEmpty
  }

  /**
   * Whether this line was said, apart from a few words. A short one that carries no mark of a quote must have been a line
   * of its own: `Yes` below a quoted question is an answer.
   */
  has(line: string, isMarked: boolean): boolean {
    const { runs, count } = runsOf(line)
    if (count <= RUN_WORDS && !isMarked) return this.#lines.isMarked(combined(runs, count))
    let all = 0
    let known = 0
    for (let at = 0; at < count * STEP; at += 1) {
      const run = runs[at] ?? 0
      if (run === 0) continue
      all += 1
      if (this.#runs.isMarked(run)) known += 1
    }
    return known >= all * MOSTLY
  }
}

const MAX_RUNS = 300_000
const RUN_WORDS = 3
/** Quoting changes a few words: addresses become links, lines are wrapped anew. */
const MOSTLY = 0.7
/** Where no blanks part words, letters count as words. */
const WORD =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]|[\p{L}\p{N}\p{M}]+/gu
/** FNV-1a, 32 bits. */
const BASIS = 0x811c9dc5
const PRIME = 0x01000193
/** For each word: itself, the pair that it ends, and the run of three. 0 where there is none. */
const STEP = 3

let numbers = new Int32Array(64 * STEP)

/** The words of a line and their runs, as numbers, lower and upper case alike. Valid until the next call. */
function runsOf(line: string): { readonly runs: Int32Array; readonly count: number } {
  let count = 0
  let sum = BASIS
  for (let at = 0; at <= line.length; at += 1) {
    const code = at < line.length ? line.charCodeAt(at) : 0
    if (code >= 0x80) return runsOfAnyScript(line)
    const letter = ASCII_LETTERS[code]
    if (letter) sum = Math.imul(sum ^ letter, PRIME)
    else if (sum !== BASIS) {
      put(count, sum | 0)
      count += 1
      sum = BASIS
    }
  }
  return { runs: numbers, count }
}

function runsOfAnyScript(line: string): { runs: Int32Array; count: number } {
  let count = 0
  for (const [word] of line.toLowerCase().matchAll(WORD)) {
    let sum = BASIS
    for (let at = 0; at < word.length; at += 1) sum = Math.imul(sum ^ word.charCodeAt(at), PRIME)
    put(count, sum | 0)
    count += 1
  }
  return { runs: numbers, count }
}

function put(index: number, word: number): void {
  const at = index * STEP
  if (at + STEP > numbers.length) {
    const larger = new Int32Array(numbers.length * 2)
    larger.set(numbers)
    numbers = larger
  }
  const before = index > 0 ? (numbers[at - STEP] ?? 0) : 0
  const first = index > 1 ? (numbers[at - 2 * STEP] ?? 0) : 0
  numbers[at] = word
  numbers[at + 1] = index > 0 ? joined(before, word) ^ 2 : 0
  numbers[at + 2] = index > 1 ? joined(joined(first, before), word) ^ 3 : 0
}

const joined = (sum: number, word: number): number => (Math.imul(sum, 31) + word) | 0

/** A number for a whole line. */
function combined(runs: Int32Array, count: number): number {
  let sum = count + 1
  for (let at = 0; at < count; at += 1) sum = joined(sum, runs[at * STEP] ?? 0)
  return sum
}

/** For each character of ASCII: itself in lower case where it is of a word, or 0. */
const ASCII_LETTERS = Uint8Array.from({ length: 0x80 }, (_, code) => {
  const letter = String.fromCharCode(code).toLowerCase()
  return /[a-z0-9]/.test(letter) ? letter.charCodeAt(0) : 0
})
