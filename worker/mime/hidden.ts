/** The attributes of an element that decide whether it is seen. */
export interface Attributes {
  readonly hidden?: string
  readonly id?: string
  readonly class?: string
  readonly style?: string
  readonly color?: string
}

/** Judges the elements of one document by their attributes and by the document's own style sheet. */
export interface Hiding {
  /** Whether the element is hidden with all that is in it. */
  hidesAll(attributes: Attributes): boolean
  /**
   * What the element does to the text in it, as far as inner elements do not undo it: newsletters set a size of 0 around
   * text that has a size of its own.
   */
  textStyle(attributes: Attributes, outer: TextStyle): TextStyle
}

export interface TextStyle {
  readonly isTiny: boolean
  readonly isPale: boolean
}

const ZERO = /^0*\.?0+(px|pt|em|rem|%|vw|vh)?$/
const TINY_FONT = /^(0*\.?0+|[01](\.\d+)?(px|pt)|0*\.[0-2]\d*(px|pt|em|rem)|[0-9](\.\d+)?%)$/
const OFF_SCREEN = /^-\d{3,}/
const WHITE = /^(#fff|#ffffff|white|rgb\(255,255,255\))$/
const CLEAR = /^transparent$|^rgba\(.*,0?(\.0+)?\)$/
/** More style than this is not read: no honest mail needs it to hide something. */
const MAX_STYLE_CHARS = 200_000
const MAX_INLINE_CHARS = 10_000

/** White text counts as pale where nothing in the document has a background. */
export function hidingIn(html: string): Hiding {
  const names = hiddenNames(html)
  const hasBackground = /\bbgcolor\s*=|\bbackground(-color|-image)?\s*[:=]/i.test(html)
  const isPale = (color: string) => CLEAR.test(color) || (!hasBackground && WHITE.test(color))
  return {
    hidesAll({ hidden, id, class: classes = '', style }) {
      if (hidden !== undefined || names.has(`#${id}`)) return true
      if (classes.split(/\s+/).some((each) => names.has(`.${each}`))) return true
      return style !== undefined && hides(declarations(style))
    },
    textStyle({ style = '', color: attribute }, outer) {
      const has = declarations(style)
      const size = has.get('font-size')
      const color = has.get('color') ?? (attribute && compact(attribute))
      return {
        isTiny: size === undefined ? outer.isTiny : TINY_FONT.test(size),
        isPale: color === undefined ? outer.isPale : isPale(color)
      }
    }
  }
}

function hides(has: ReadonlyMap<string, string>): boolean {
  const is = (property: string, value: RegExp): boolean => value.test(has.get(property) ?? 'unset')
  const isClipped = is('overflow', /^hidden$/)
  const color = has.get('color')
  return (
    is('display', /^none$/) ||
    is('visibility', /^(hidden|collapse)$/) ||
    is('opacity', /^0+(\.0\d*)?%?$|^\.0\d*$/) ||
    is('mso-hide', /^all$/) ||
    is('text-indent', OFF_SCREEN) ||
    is('clip', /^rect\(0/) ||
    is('clip-path', /^inset\((50|100)%/) ||
    is('transform', /^scale\(0\)/) ||
    (is('position', /^(absolute|fixed)$/) && (is('left', OFF_SCREEN) || is('top', OFF_SCREEN))) ||
    (isClipped && ['max-height', 'height', 'max-width', 'width'].some((each) => is(each, ZERO))) ||
    (color !== undefined && color === (has.get('background-color') ?? has.get('background')))
  )
}

function declarations(style: string): Map<string, string> {
  const found = new Map<string, string>()
  for (const declaration of style.slice(0, MAX_INLINE_CHARS).split(';')) {
    const colon = declaration.indexOf(':')
    if (colon > 0)
      found.set(
        declaration.slice(0, colon).trim().toLowerCase(),
        compact(declaration.slice(colon + 1)).replace(/!important$/, '')
      )
  }
  return found
}

const compact = (value: string): string => value.replace(/\/\*.*?\*\/|\s+/gs, '').toLowerCase()

/** Classes and ids that the style sheet hides on every screen, as `.name` and `#name`. */
function hiddenNames(html: string): Set<string> {
  const sheets = html.slice(0, MAX_STYLE_CHARS).matchAll(/<style\b[^>]*>(.*?)<\/style/gis)
  const hiding = [...sheets]
    .flatMap(([, css]) => topLevelRules(css ?? ''))
    .filter(({ body }) => hides(declarations(body)))
  const simple = hiding
    .flatMap(({ selectors }) => selectors.split(','))
    .map((selector) => /^[a-z0-9*]*([.#][\w-]+)$/i.exec(selector.trim())?.[1])
  return new Set(simple.filter((name) => name !== undefined))
}

interface Rule {
  readonly selectors: string
  readonly body: string
}

/** Rules outside `@media` and other blocks: those hold on some screens only. */
function topLevelRules(css: string): Rule[] {
  const rules: Rule[] = []
  let depth = 0
  let from = 0
  let selectors = ''
  for (const { index, 0: brace } of css.matchAll(/[{}]/g)) {
    const isOuter = depth === (brace === '{' ? 0 : 1)
    const piece = css.slice(from, index)
    if (isOuter && brace === '{') selectors = piece.replace(/<!--|-->/g, '').trim()
    if (isOuter && brace === '}' && !selectors.startsWith('@'))
      rules.push({ selectors, body: piece })
    if (isOuter) from = index + 1
    depth = Math.max(0, depth + (brace === '{' ? 1 : -1))
  }
  return rules
}
