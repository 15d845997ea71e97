/** How browsers show elements of which nobody says otherwise (HTML standard, section 15.3). */
import type { Element } from 'domhandler'
import type { ComputedStyle } from './computed-style.ts'
import type { Colour } from './css-colour.ts'

const BLOCKS: ReadonlySet<string> = new Set([
  ...[
    'html',
    'body',
    'address',
    'article',
    'aside',
    'blockquote',
    'center',
    'details',
    'dialog',
    'dd'
  ],
  ...[
    'dir',
    'div',
    'dl',
    'dt',
    'fieldset',
    'figcaption',
    'figure',
    'footer',
    'form',
    'h1',
    'h2',
    'h3'
  ],
  ...['h4', 'h5', 'h6', 'header', 'hgroup', 'hr', 'legend', 'li', 'listing', 'main', 'menu', 'nav'],
  ...['ol', 'optgroup', 'option', 'p', 'plaintext', 'pre', 'search', 'section', 'summary', 'table'],
  ...['tbody', 'thead', 'tfoot', 'tr', 'caption', 'ul', 'xmp']
])
/** They take no height that is too small for them. */
export const TABLE_PARTS: ReadonlySet<string> = new Set([
  'table',
  'tbody',
  'thead',
  'tfoot',
  'tr',
  'td',
  'th'
])
export const STRUCK: ReadonlySet<string> = new Set(['s', 'strike', 'del'])

/** The colour of links. */
export const LINK: Colour = [0, 0, 238, 1]
/** Their white space stays as it is. */
export const PRE: ReadonlySet<string> = new Set(['pre', 'listing', 'plaintext', 'xmp', 'textarea'])

/** Whether browsers show such an element when nobody says otherwise. */
export const isUsual = ({ name, attribs }: Element): boolean =>
  attribs.hidden === undefined && (name !== 'dialog' || attribs.open !== undefined)

/** How an element flows. */
export function usualFlow(name: string): ComputedStyle['flow'] {
  if (name === 'td' || name === 'th') return 'cell'
  if (name === 'button' || name === 'input' || name === 'select') return 'inline-block'
  return BLOCKS.has(name) ? 'block' : 'inline'
}
