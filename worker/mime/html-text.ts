import type { Element } from 'domhandler'
import type { ComputedStyle } from './computed-style.ts'
import type { Visitor } from './html-tree.ts'
import { addressOf, isSameAsAddress } from './link-text.ts'
import { numeral } from './list-numerals.ts'
import { type Cell, tableText } from './table-text.ts'
import { TextFrame } from './text-frame.ts'
import { indented, item, quoted, struck } from './text-shapes.ts'

export interface TextWishes {
  /** Longer addresses are cut, and counted in `cutLinks`. */
  readonly maxLinkChars: number
}

/** Blocks with an empty line around them. */
const APART: ReadonlySet<string> = new Set([
  ...[
    'p',
    'h1',
    'h2',
    'h3',
    'h4',
    'h5',
    'h6',
    'blockquote',
    'ul',
    'ol',
    'dl',
    'pre',
    'figure',
    'hr'
  ],
  ...['menu', 'dir', 'fieldset', 'listing', 'xmp', 'plaintext']
])
const LISTS: ReadonlySet<string> = new Set(['ul', 'ol', 'menu', 'dir'])
/** Quotations, lists and tables inside each other are told apart so far; deeper ones are hostile. */
const MAX_FRAMES = 40
const KEPT_OF_CUT_LINK = 120
const EMOJI =
  /^(?:\p{Extended_Pictographic}|\p{Emoji_Component}|\u200d|\ufe0f|[\u{e0020}-\u{e007f}])+$/u

interface List {
  readonly isOrdered: boolean
  readonly type: string
  readonly step: number
  next: number
  readonly depth: number
}

interface OpenTable {
  readonly rows: Cell[][]
  hasHeading: boolean
  isLayout: boolean
}

interface Open {
  readonly element: Element
  /** Does what the end of the element asks for. */
  leave(): void
}

/** Writes the text of what is walked over, as a reader sees it. */
export class HtmlText implements Visitor<ComputedStyle> {
  /** Links whose address was cut. */
  cutLinks = 0
  readonly #wishes: TextWishes
  readonly #frames: TextFrame[] = [new TextFrame()]
  readonly #open: Open[] = []
  readonly #lists: List[] = []
  readonly #tables: OpenTable[] = []
  #images = 0

  constructor(wishes: TextWishes) {
    this.#wishes = wishes
  }

  /** The text so far; to be asked for at the end. */
  get result(): string {
    return this.#frames[0]?.text() ?? ''
  }

  get #frame(): TextFrame {
    return this.#frames.at(-1) ?? new TextFrame()
  }

  enter(element: Element, look: ComputedStyle): void {
    const endings: (() => void)[] = []
    this.#begin(element, look, endings)
    this.#open.push({
      element,
      leave: () => {
        for (const end of endings.toReversed()) end()
      }
    })
  }

  leave(): void {
    this.#open.pop()?.leave()
  }

  text(text: string, look: ComputedStyle): void {
    if (!look.isSeen) return
    const shown = look.isStruck ? struck(text) : text
    if (look.isPre) this.#frame.exact(shown)
    else this.#frame.words(shown)
  }

  #begin(element: Element, look: ComputedStyle, endings: (() => void)[]): void {
    const { name, attribs } = element
    this.#space(element, look, endings)
    switch (name) {
      case 'br':
        this.#frame.lineEnd()
        return
      case 'hr':
        if (look.isSeen || look.inner.isVisible) this.#frame.lines('---', 2)
        return
      case 'img':
        this.#image(attribs, look)
        return
      case 'input':
        this.#input(attribs, look)
        return
      case 'area':
        this.#area(attribs)
        return
      case 'a':
        this.#link(attribs.href, endings)
        return
      case 'blockquote':
        this.#framed(endings, (text) => quoted(text), 2)
        return
      case 'table':
        this.#table(attribs, endings)
        return
      case 'tr':
        this.#tables.at(-1)?.rows.push([])
        return
      case 'td':
      case 'th':
        this.#cell(element, endings)
        return
      case 'li':
        this.#item(attribs, look, endings)
        return
      case 'dd':
        this.#framed(endings, (text) => indented(text, '  '), 1)
        return
      case 'sup':
        // 10 to the 6th is not 106.
        this.#marked('^', '', look, endings)
        return
      case 'q':
        this.#marked('\u201c', '\u201d', look, endings)
        return
      case 'rt':
        this.#marked('(', ')', look, endings)
        return
      default:
        if (LISTS.has(name)) this.#list(element, endings)
    }
  }

  #space({ name }: Element, look: ComputedStyle, endings: (() => void)[]): void {
    if (look.flow === 'block') {
      const gap = APART.has(name) && this.#lists.length === 0 ? 2 : 1
      this.#frame.block(gap)
      endings.push(() => this.#frame.block(gap))
    } else if (
      look.flow === 'inline-block' ||
      (look.flow === 'cell' && this.#tables.length === 0)
    ) {
      this.#frame.blank()
      endings.push(() => this.#frame.blank())
    }
  }

  /** Marks around an element, where there is something in it. */
  #marked(before: string, after: string, look: ComputedStyle, endings: (() => void)[]): void {
    if (!look.isSeen) return
    const frame = new TextFrame()
    this.#frames.push(frame)
    endings.push(() => {
      this.#frames.pop()
      const text = frame.text()
      if (frame.isEmpty) return
      const isMarked = before !== '^' || /^[-+\u2212]?\d/.test(text)
      const shown = isMarked ? `${before}${text}${after}` : text
      if (text.includes('\n')) this.#frame.lines(shown, 1)
      else this.#frame.words(shown)
    })
  }

  #framed(endings: (() => void)[], shape: (text: string) => string, gap: number): void {
    if (this.#frames.length > MAX_FRAMES) return
    const frame = new TextFrame()
    this.#frames.push(frame)
    endings.push(() => {
      this.#frames.pop()
      this.#frame.lines(shape(frame.text()), gap)
    })
  }

  #image({ alt = '' }: Element['attribs'], look: ComputedStyle): void {
    this.#images += 1
    const words = alt.replace(/\s+/g, ' ').trim()
    if (words === '' || !look.inner.isVisible) return
    this.#frame.words(EMOJI.test(words) && /\P{ASCII}/u.test(words) ? words : `[image: ${words}]`)
  }

  /** A place on a picture that leads somewhere: people see the picture, whose words these are. */
  #area({ alt = '', href }: Element['attribs']): void {
    const endings: (() => void)[] = []
    this.#frame.blank()
    this.#link(href, endings)
    this.#images += 1
    this.#frame.words(alt)
    for (const end of endings) end()
    this.#frame.blank()
  }

  /** Words and states that a form shows; what nobody sees of it is left out. */
  #input({ type = 'text', value = '', checked }: Element['attribs'], look: ComputedStyle): void {
    const kind = type.toLowerCase()
    if (!look.isSeen || kind === 'hidden' || kind === 'password') return
    if (kind === 'checkbox' || kind === 'radio')
      this.#frame.words(checked === undefined ? '[ ]' : '[x]')
    else if (value.trim() !== '') this.#frame.words(value)
  }

  #link(written: string | undefined, endings: (() => void)[]): void {
    const href = addressOf(written ?? '')
    if (!/^(https?|mailto|tel|sms|ftp):/i.test(href)) return
    const frame = this.#frame
    const start = frame.end
    const images = this.#images
    endings.push(() => {
      const words = frame.text(start).trim()
      // One without words is a picture without them, or nothing that anybody sees.
      if (words === '' ? images === this.#images : isSameAsAddress(words, href)) return
      frame.blank()
      frame.words(`[${this.#shown(href)}]`)
    })
  }

  #shown(href: string): string {
    if (href.length <= this.#wishes.maxLinkChars) return href
    this.cutLinks += 1
    return `${href.slice(0, KEPT_OF_CUT_LINK)}… cut, ${href.length} characters`
  }

  #list({ name, attribs }: Element, endings: (() => void)[]): void {
    const isOrdered = name === 'ol'
    const isBack = attribs.reversed !== undefined
    this.#lists.push({
      isOrdered,
      type: attribs.type ?? '1',
      step: isBack ? -1 : 1,
      next: whole(attribs.start) ?? 1,
      depth: this.#frames.length
    })
    endings.push(() => {
      this.#lists.pop()
    })
  }

  #item({ value }: Element['attribs'], look: ComputedStyle, endings: (() => void)[]): void {
    const list = this.#lists.at(-1)
    let mark = ' * '
    if (list?.isOrdered) {
      list.next = whole(value) ?? list.next
      mark = ` ${numeral(list.next, list.type)}. `
      list.next += list.step
    }
    if (look.flow === 'block') this.#framed(endings, (text) => item(mark, text), 1)
    else {
      this.#frame.blank()
      endings.push(() => this.#frame.blank())
    }
  }

  #table({ role = '' }: Element['attribs'], endings: (() => void)[]): void {
    if (this.#frames.length > MAX_FRAMES) return
    for (const outer of this.#tables) outer.isLayout = true
    const isLayout = /^(presentation|none)$/i.test(role.trim())
    const table: OpenTable = { rows: [], hasHeading: false, isLayout }
    this.#tables.push(table)
    const frame = new TextFrame()
    this.#frames.push(frame)
    endings.push(() => {
      this.#tables.pop()
      this.#frames.pop()
      // What stands in a table outside of its cells, such as its caption, comes first.
      this.#frame.lines(frame.text(), 1)
      this.#frame.lines(tableText(table), 1)
    })
  }

  #cell({ name, attribs }: Element, endings: (() => void)[]): void {
    const table = this.#tables.at(-1)
    if (!table || this.#frames.length > MAX_FRAMES) {
      this.#frame.blank()
      endings.push(() => this.#frame.blank())
      return
    }
    if (name === 'th') table.hasHeading = true
    const frame = new TextFrame()
    this.#frames.push(frame)
    endings.push(() => {
      this.#frames.pop()
      const colspan = whole(attribs.colspan) ?? 1
      const rowspan = whole(attribs.rowspan) ?? 1
      const row = table.rows.at(-1)
      const cell = { text: frame.text(), colspan, rowspan }
      if (row) row.push(cell)
      else table.rows.push([cell])
    })
  }
}

const whole = (written: string | undefined): number | undefined => {
  const number = Number.parseInt(written ?? '', 10)
  return Number.isSafeInteger(number) && Math.abs(number) < 1e9 ? number : undefined
}
