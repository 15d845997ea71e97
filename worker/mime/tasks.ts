/** What runs in the thread that reads hostile mail. It has no token, no environment and no network use. */
import { convert } from 'html-to-text'
import sanitizeHtml from 'sanitize-html'
import { cleanText } from './clean-text.ts'
import { type ForwardedHtml, forwardHtml as fitToForward } from './forward-html.ts'
import { hidingIn, type TextStyle } from './hidden.ts'

export interface ReadHtml {
  /** What a reader sees, as plain text. */
  readonly text: string
  /** The same as harmless HTML: no scripts, styles, remote images or hidden parts. */
  readonly html: string
}

/** Beyond this the rest of an HTML part is not read. */
const MAX_HTML_CHARS = 2_000_000
const MAX_DEPTH = 300
/** Longer addresses are tracking, and would fill the model's context. */
const MAX_HREF_CHARS = 300

const DROPPED = 'dropped'
const NON_TEXT = [
  ...[DROPPED, 'head', 'title', 'script', 'style', 'noscript', 'template', 'textarea', 'select'],
  ...['option', 'xmp', 'iframe', 'object', 'embed', 'svg', 'math', 'canvas', 'audio', 'video']
]

/** Text and harmless HTML of an HTML part. */
export function readHtml(source: string): ReadHtml {
  const html = sanitize(source.slice(0, MAX_HTML_CHARS))
  return { text: toText(html), html: cleanText(html) }
}

/** The HTML of a message, fit to be sent on inside another one. */
export function forwardHtml(source: string): ForwardedHtml {
  return fitToForward(source)
}

function sanitize(html: string): string {
  const hiding = hidingIn(html)
  const outer: TextStyle = { isTiny: false, isPale: false }
  const open: TextStyle[] = []
  return sanitizeHtml(html, {
    allowedTags: sanitizeHtml.defaults.allowedTags,
    allowedAttributes: { a: ['href'], td: ['colspan'], th: ['colspan'] },
    allowedSchemes: ['http', 'https', 'mailto', 'tel'],
    allowProtocolRelative: false,
    nonTextTags: NON_TEXT,
    nestingLimit: MAX_DEPTH,
    onOpenTag: (_, attribs) => {
      open.push(hiding.textStyle(attribs, open.at(-1) ?? outer))
    },
    onCloseTag: () => {
      open.pop()
    },
    textFilter: (text) => {
      const { isTiny, isPale } = open.at(-1) ?? outer
      return isTiny || isPale ? '' : text
    },
    transformTags: {
      '*': (tagName, attribs) => {
        if (hiding.hidesAll(attribs)) return { tagName: DROPPED, attribs: {} }
        if ((attribs.href?.length ?? 0) > MAX_HREF_CHARS) return { tagName, attribs: {} }
        return { tagName, attribs }
      }
    }
  })
}

function toText(html: string): string {
  const heading = { options: { uppercase: false } }
  const text = convert(html, {
    wordwrap: false,
    limits: { maxDepth: MAX_DEPTH, maxInputLength: MAX_HTML_CHARS },
    selectors: [
      { selector: 'a', options: { hideLinkHrefIfSameAsText: true } },
      ...['h1', 'h2', 'h3', 'h4', 'h5', 'h6'].map((selector) => ({ selector, ...heading }))
    ]
  })
  return cleanText(text)
    .replace(/[^\S\n]+$/gm, '')
    .replace(/\n{3,}/g, '\n\n')
    .trim()
}
