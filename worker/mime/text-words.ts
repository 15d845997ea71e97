import { isAscii } from 'node:buffer'

/** The words of a text, as numbers; lower and upper case are alike. */
export interface TextWords {
  /** All words, in order. */
  readonly words: Int32Array
  /** For each line that was read, how many words there are up to its end. */
  readonly ends: Int32Array
  /** Whether the text goes on beyond what was read. */
  readonly isCut: boolean
}

/** Of a longer text the rest is not compared with anything. In UTF-16 units. */
const MAX_CHARS = 100_000
/** Where no blanks part words, letters count as words, and so do pictures. */
const WORD =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Extended_Pictographic}]|[\p{L}\p{N}\p{M}]+/gu
/** Addresses of links and pictures behind their words, which each mail program writes in its own way. */
const ASIDE =
  /<(?:https?|mailto|cid|tel):[^\s<>]*>|\[(?:https?|mailto|cid|tel):[^\s[\]]*(?:\u2026 cut, \d+ characters)?\]|\[image: [^[\]]*\]/gi
/** FNV-1a, 32 bits. */
const BASIS = 0x811c9dc5
const PRIME = 0x01000193
const LINE_END = 0x0a

/** The words of each line of a text, which are parted by `\n`. */
export function wordsOfText(text: string): TextWords {
  const isCut = text.length > MAX_CHARS
  const read = isCut ? text.slice(0, MAX_CHARS) : text
  const plain = /[<[](?:https?|mailto|cid|tel|image):/i.test(read)
    ? read.split('\n').map(withoutAsides).join('\n')
    : read
  const bytes = Buffer.from(plain)
  const writer = new Writer(bytes.length)
  if (isAscii(bytes)) writer.readAscii(bytes)
  else
    for (const line of plain.split('\n')) {
      writer.readAnyScript(line)
      writer.endLine()
    }
  const { words, ends } = writer.result()
  // A line of which only a part was read would be another line.
  return { words, ends: isCut ? ends.subarray(0, -1) : ends, isCut }
}

/** Where nothing else stands, the address is what the line says. */
function withoutAsides(line: string): string {
  const words = line.replace(ASIDE, ' ')
  return /[\p{L}\p{N}]/u.test(words) ? words : line
}

/** Writes the words of a text into one array, since an array for each line would be slow. */
class Writer {
  #words: Int32Array
  #count = 0
  readonly #ends: number[] = []

  constructor(bytes: number) {
    this.#words = new Int32Array(Math.max(64, Math.ceil(bytes / 4)))
  }

  readAscii(bytes: Uint8Array): void {
    let sum = BASIS
    for (const byte of bytes) {
      const letter = ASCII_LETTERS[byte] ?? 0
      if (letter !== 0) {
        sum = Math.imul(sum ^ letter, PRIME)
        continue
      }
      if (sum !== BASIS) this.#put(sum)
      sum = BASIS
      if (byte === LINE_END) this.endLine()
    }
    if (sum !== BASIS) this.#put(sum)
    this.endLine()
  }

  readAnyScript(line: string): void {
    for (const [word] of line.toLowerCase().matchAll(WORD)) {
      let sum = BASIS
      for (let at = 0; at < word.length; at += 1) sum = Math.imul(sum ^ word.charCodeAt(at), PRIME)
      this.#put(sum)
    }
  }

  endLine(): void {
    this.#ends.push(this.#count)
  }

  result(): { words: Int32Array; ends: Int32Array } {
    return { words: this.#words.slice(0, this.#count), ends: Int32Array.from(this.#ends) }
  }

  #put(word: number): void {
    if (this.#count === this.#words.length) {
      const larger = new Int32Array(this.#words.length * 2)
      larger.set(this.#words)
      this.#words = larger
    }
    this.#words[this.#count] = word
    this.#count += 1
  }
}

/** For each character of ASCII: itself in lower case where it is of a word, or 0. */
const ASCII_LETTERS = Uint8Array.from({ length: 0x80 }, (_, code) => {
  const letter = String.fromCharCode(code).toLowerCase()
  return /[a-z0-9]/.test(letter) ? letter.charCodeAt(0) : 0
})
