import type { Element } from 'domhandler'
import { cleanText } from './clean-text.ts'
import { type ComputedStyle, PLAIN } from './computed-style.ts'
import { cascadeOf } from './css-cascade.ts'
import { elementStyles } from './element-styles.ts'
import { HtmlText } from './html-text.ts'
import { NO_WORDS, parseHtml, textBelow, type Visitor, walk } from './html-tree.ts'
import { SeenHtml } from './safe-html.ts'

export interface HtmlWishes {
  /** Whether the harmless HTML is wanted as well. */
  readonly html: boolean
  /** Whether addresses stay whole in the text, however long they are. */
  readonly wholeLinks: boolean
}

export interface ReadHtml {
  /** What a reader sees, as plain text. */
  readonly text: string
  /** The same as harmless HTML: no scripts, styles, remote images or hidden parts. */
  readonly html?: string
  /** Characters of text that nobody can see, which were left out; blanks do not count. */
  readonly hiddenChars: number
  /** Links whose address is too long for the text; the HTML has it whole. */
  readonly cutLinks: number
  /** Whether there was more style than is judged by, so that hidden text may have passed as seen. */
  readonly isStyleCut: boolean
  /** Characters of the source that were not read. */
  readonly unreadChars: number
}

/** Beyond this the rest of an HTML part is not read. */
const MAX_HTML_CHARS = 2_000_000
/** Longer addresses are tracking, and would fill the model's context. */
const MAX_LINK_CHARS = 300
/** What mail programs do not show, though its words are for people. */
const UNSHOWN: ReadonlySet<string> = new Set(['svg', 'math', 'textarea', 'select'])

/** Text and, if it is wanted, harmless HTML of an HTML part. */
export function readHtml(source: string, wishes: HtmlWishes): ReadHtml {
  const document = parseHtml(source.slice(0, MAX_HTML_CHARS))
  const cascade = cascadeOf(document)
  const lookOf = elementStyles(cascade)
  const text = new HtmlText({
    maxLinkChars: wishes.wholeLinks ? Number.POSITIVE_INFINITY : MAX_LINK_CHARS
  })
  const html = wishes.html ? new SeenHtml() : undefined
  let hiddenChars = 0
  const judge = (element: Element, outer: ComputedStyle): ComputedStyle | undefined => {
    if (NO_WORDS.has(element.name)) return undefined
    const look = UNSHOWN.has(element.name) ? undefined : lookOf(element, outer)
    if (!look) hiddenChars += lettersIn(textBelow(element))
    return look
  }
  const unseen: Visitor<ComputedStyle> = {
    enter() {},
    leave() {},
    text(words, { isSeen }) {
      if (!isSeen) hiddenChars += lettersIn(words)
    }
  }
  walk(document, PLAIN, judge, html ? [text, html, unseen] : [text, unseen])
  return {
    text: tidied(text.result),
    ...(html && { html: html.harmless }),
    hiddenChars,
    cutLinks: text.cutLinks,
    isStyleCut: cascade.isCut(),
    unreadChars: Math.max(0, source.length - MAX_HTML_CHARS)
  }
}

const lettersIn = (text: string): number => cleanText(text).replace(/\s+/g, '').length

const tidied = (text: string): string =>
  cleanText(text)
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
    .replace(/\n{3,}/g, '\n\n')
    .replace(/^\n+/, '')
    .trimEnd()
