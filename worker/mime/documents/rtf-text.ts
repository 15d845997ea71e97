/** The words of Rich Text Format 1.9: what is shown, without tables of fonts, pictures and the like. */
import { decodeText } from '../charset.ts'
import type { Gathered } from './limits.ts'

/** Groups that hold no words of the text. */
const NO_TEXT = new Set([
  ...['fonttbl', 'colortbl', 'stylesheet', 'listtable', 'listoverridetable', 'rsidtbl'],
  ...['generator', 'info', 'pict', 'object', 'objdata', 'themedata', 'datastore', 'latentstyles'],
  ...['xmlnstbl', 'header', 'footer', 'headerl', 'headerr', 'footerl', 'footerr', 'fldinst'],
  ...['bkmkstart', 'bkmkend']
])
const SIGNS: ReadonlyMap<string, string> = new Map([
  ...['par', 'line', 'sect', 'page', 'row'].map((word) => [word, '\n'] as const),
  ...['tab', 'cell', 'nestcell'].map((word) => [word, '\t'] as const),
  ...([
    ['emdash', '—'],
    ['endash', '–'],
    ['bullet', '•'],
    ['lquote', '‘'],
    ['rquote', '’'],
    ['ldblquote', '“'],
    ['rdblquote', '”'],
    ['emspace', ' '],
    ['enspace', ' ']
  ] as const)
])
const SYMBOLS: ReadonlyMap<string, string> = new Map([
  ['~', ' '],
  ['_', '-'],
  ['\n', '\n'],
  ['\r', '\n'],
  ['\\', '\\'],
  ['{', '{'],
  ['}', '}']
])
const MAX_DEPTH = 1000
const TOKEN =
  /\\(?<word>[a-z]{1,32})(?<number>-?\d{1,10})? ?|\\'(?<hex>[0-9a-f]{2})|\\(?<symbol>[^a-z])|(?<brace>[{}])|(?<text>[^\\{}\r\n]+)|[\r\n]+/gi

interface Group {
  readonly isShown: boolean
  /** Characters that stand for a Unicode one where it is unknown (`\uc`). */
  readonly fallback: number
}

/** RTF is ASCII; other letters are written as numbers, in a code page or in Unicode. */
export function rtfText(bytes: Uint8Array, out: Gathered): void {
  const source = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
  const reader = new RtfReader(out)
  for (const { groups = {} } of source.matchAll(TOKEN)) {
    if (out.isFull) break
    reader.take(groups)
  }
  reader.end()
}

class RtfReader {
  readonly #out: Gathered
  readonly #outer: Group[] = []
  #group: Group = { isShown: true, fallback: 1 }
  #codePage = 'windows-1252'
  /** Bytes in the code page, of which several may be one letter. */
  #bytes: number[] = []
  #isFirst = false
  /** Characters that only stand for one that was understood. */
  #toSkip = 0

  constructor(out: Gathered) {
    this.#out = out
  }

  take({
    word,
    number,
    hex,
    symbol,
    brace,
    text
  }: {
    readonly [name: string]: string | undefined
  }) {
    if (hex !== undefined) {
      if (this.#toSkip > 0) this.#toSkip -= 1
      else this.#bytes.push(Number.parseInt(hex, 16))
      return
    }
    this.end()
    if (brace === '{') this.#enter()
    else if (brace === '}') this.#leave()
    else if (word !== undefined) this.#obey(word, number)
    else if (symbol === '*') this.#hide()
    else if (symbol !== undefined) this.#say(SYMBOLS.get(symbol) ?? '')
    else if (text !== undefined) {
      this.#say(text.slice(this.#toSkip))
      this.#toSkip = Math.max(0, this.#toSkip - text.length)
    }
    this.#isFirst = brace === '{' || symbol === '*'
  }

  /** Says what waits to be decoded. */
  end(): void {
    if (this.#bytes.length > 0) this.#say(decodeText(Buffer.from(this.#bytes), this.#codePage))
    this.#bytes = []
  }

  #enter(): void {
    if (this.#outer.length < MAX_DEPTH) this.#outer.push(this.#group)
  }

  #leave(): void {
    this.#group = this.#outer.pop() ?? this.#group
    this.#toSkip = 0
  }

  #obey(word: string, number: string | undefined): void {
    const value = Number(number ?? 0)
    if (this.#isFirst && NO_TEXT.has(word)) this.#hide()
    else if (word === 'v' && number !== '0') this.#hide()
    else if (word === 'uc')
      this.#group = { ...this.#group, fallback: Math.min(Math.max(0, value), 10) }
    else if (word === 'ansicpg' && value > 0) this.#codePage = `windows-${value}`
    else if (word === 'u') {
      this.#say(String.fromCharCode(value & 0xffff))
      this.#toSkip = this.#group.fallback
    } else this.#say(SIGNS.get(word) ?? '')
  }

  #hide(): void {
    this.#group = { ...this.#group, isShown: false }
  }

  #say(text: string): void {
    if (this.#group.isShown) this.#out.add(text)
  }
}
