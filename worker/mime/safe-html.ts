import type { Element } from 'domhandler'
import sanitizeHtml from 'sanitize-html'
import { cleanText } from './clean-text.ts'
import type { ComputedStyle } from './computed-style.ts'
import type { Visitor } from './html-tree.ts'

const MAX_DEPTH = 300
const VOID: ReadonlySet<string> = new Set([
  'br',
  'hr',
  'img',
  'input',
  'wbr',
  'col',
  'area',
  'source',
  'track'
])
const KEPT = ['href', 'colspan', 'rowspan', 'start', 'type', 'value', 'reversed', 'alt'] as const

/** Writes what is walked over as HTML: only what is seen, in the form that `harmless` takes. */
export class SeenHtml implements Visitor<ComputedStyle> {
  readonly #out: string[] = []

  enter({ name, attribs }: Element): void {
    const kept = KEPT.flatMap((each) => {
      const value = attribs[each]
      return value === undefined ? [] : [` ${each}="${escaped(value).replaceAll('"', '&quot;')}"`]
    })
    this.#out.push(`<${name}${kept.join('')}>`)
  }

  leave({ name }: Element): void {
    if (!VOID.has(name)) this.#out.push(`</${name}>`)
  }

  text(text: string, { isSeen }: ComputedStyle): void {
    if (isSeen) this.#out.push(escaped(text))
  }

  /** The HTML without scripts, styles, remote pictures and addresses that run something; their words stay. */
  get harmless(): string {
    const html = sanitizeHtml(this.#out.join(''), {
      allowedTags: [...sanitizeHtml.defaults.allowedTags, 'center', 'del', 'ins', 'strike'],
      allowedAttributes: {
        a: ['href'],
        ol: ['start', 'type', 'reversed'],
        li: ['value'],
        td: ['colspan', 'rowspan'],
        th: ['colspan', 'rowspan']
      },
      allowedSchemes: ['http', 'https', 'mailto', 'tel'],
      allowProtocolRelative: false,
      nestingLimit: MAX_DEPTH,
      textFilter: (text) => text
    })
    return cleanText(html)
  }
}

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
