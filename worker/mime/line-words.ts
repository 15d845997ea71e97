import { isAscii } from 'node:buffer'

/** The words of one line and their runs, as numbers; lower and upper case are alike. */
export interface LineWords {
  /** From `from` on three for each word: itself, the pair that it ends, and the run of three; 0 where there is none. */
  readonly runs: Int32Array
  readonly from: number
  /** How many words. */
  readonly count: number
}

/** Numbers for each word. */
export const STEP = 3
/** Where no blanks part words, letters count as words. */
const WORD =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]|[\p{L}\p{N}\p{M}]+/gu
/** FNV-1a, 32 bits. */
const BASIS = 0x811c9dc5
const PRIME = 0x01000193
const LINE_END = 0x0a

/** The words of each line of a text, which are parted by `\n`. */
export function wordsOfLines(text: string): LineWords[] {
  const bytes = Buffer.from(text)
  const writer = new Writer(bytes.length)
  if (isAscii(bytes)) writer.readAscii(bytes)
  else
    for (const line of text.split('\n')) {
      writer.readAnyScript(line)
      writer.endLine()
    }
  return writer.lines()
}

/** A number for a whole line. */
export function combined({ runs, from, count }: LineWords): number {
  let sum = count + 1
  for (let at = from; at < from + count * STEP; at += STEP) sum = joined(sum, runs[at] ?? 0)
  return sum
}

/** Writes the words of a text into one array, since an array for each line would be slow. */
class Writer {
  #runs: Int32Array
  #end = 0
  #lineFrom = 0
  readonly #ends: number[] = []

  constructor(bytes: number) {
    this.#runs = new Int32Array(Math.max(64, Math.ceil(bytes / 5)) * STEP)
  }

  readAscii(bytes: Uint8Array): void {
    let sum = BASIS
    for (const byte of bytes) {
      const letter = ASCII_LETTERS[byte] ?? 0
      if (letter !== 0) {
        sum = Math.imul(sum ^ letter, PRIME)
        continue
      }
      if (sum !== BASIS) this.#put(sum | 0)
      sum = BASIS
      if (byte === LINE_END) this.endLine()
    }
    if (sum !== BASIS) this.#put(sum | 0)
    this.endLine()
  }

  readAnyScript(line: string): void {
    for (const [word] of line.toLowerCase().matchAll(WORD)) {
      let sum = BASIS
      for (let at = 0; at < word.length; at += 1) sum = Math.imul(sum ^ word.charCodeAt(at), PRIME)
      this.#put(sum | 0)
    }
  }

  endLine(): void {
    this.#ends.push(this.#end)
    this.#lineFrom = this.#end
  }

  lines(): LineWords[] {
    let from = 0
    return this.#ends.map((end) => {
      const line = { runs: this.#runs, from, count: (end - from) / STEP }
      from = end
      return line
    })
  }

  #put(word: number): void {
    const at = this.#end
    if (at + STEP > this.#runs.length) this.#grow()
    const runs = this.#runs
    const before = at > this.#lineFrom ? (runs[at - STEP] ?? 0) : 0
    const first = at - STEP > this.#lineFrom ? (runs[at - 2 * STEP] ?? 0) : 0
    runs[at] = word
    runs[at + 1] = before === 0 ? 0 : joined(before, word) ^ 2
    runs[at + 2] = first === 0 ? 0 : joined(joined(first, before), word) ^ 3
    this.#end = at + STEP
  }

  #grow(): void {
    const larger = new Int32Array(this.#runs.length * 2)
    larger.set(this.#runs)
    this.#runs = larger
  }
}

const joined = (sum: number, word: number): number => (Math.imul(sum, 31) + word) | 0

/** For each character of ASCII: itself in lower case where it is of a word, or 0. */
const ASCII_LETTERS = Uint8Array.from({ length: 0x80 }, (_, code) => {
  const letter = String.fromCharCode(code).toLowerCase()
  return /[a-z0-9]/.test(letter) ? letter.charCodeAt(0) : 0
})
