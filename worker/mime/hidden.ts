/** Whether an element is made so that a reader does not see it. */
export type IsHidden = (attributes: {
  readonly hidden?: string
  readonly id?: string
  readonly class?: string
  readonly style?: string
  readonly color?: string
}) => boolean

const ZERO = /^0*\.?0+(px|pt|em|rem|%|vw|vh)?$/
const TINY_FONT = /^(0*\.?\d*[0]|[01](\.\d+)?(px|pt)|0?\.0\d*(em|rem)|[0-9](\.\d+)?%)$/
const OFF_SCREEN = /^-\d{3,}/
const WHITE = /^(#fff|#ffffff|white|rgb\(255,255,255\))$/
/** More style than this is not read: no honest mail needs it to hide something. */
const MAX_STYLE_CHARS = 200_000

/**
 * Judges elements of one document by their attributes and by the document's own style sheet. White text counts as
 * hidden where nothing in the document has a background.
 */
export function hiddenIn(html: string): IsHidden {
  const names = hiddenNames(html)
  const hasBackground = /\bbgcolor\s*=|\bbackground(-color|-image)?\s*[:=]/i.test(html)
  return ({ hidden, id, class: classes = '', style, color }) => {
    if (hidden !== undefined || names.has(`#${id}`)) return true
    if (classes.split(/\s+/).some((each) => names.has(`.${each}`))) return true
    if (color && !hasBackground && WHITE.test(compact(color))) return true
    return style !== undefined && hides(style, hasBackground)
  }
}

function hides(style: string, hasBackground: boolean): boolean {
  const has = declarations(style)
  const is = (property: string, value: RegExp): boolean => value.test(has.get(property) ?? '')
  const color = has.get('color')
  const background = has.get('background-color') ?? has.get('background')
  return (
    is('display', /^none$/) ||
    is('visibility', /^(hidden|collapse)$/) ||
    is('opacity', /^0*(\.0\d*)?$|^0*\.?0+%?$/) ||
    is('mso-hide', /^all$/) ||
    is('font-size', TINY_FONT) ||
    is('text-indent', OFF_SCREEN) ||
    is('clip', /^rect\(0/) ||
    is('clip-path', /^inset\((50|100)%/) ||
    is('transform', /^scale\(0\)/) ||
    is('color', /^transparent$|^rgba\(.*,0?(\.0+)?\)$/) ||
    (is('position', /^(absolute|fixed)$/) && (is('left', OFF_SCREEN) || is('top', OFF_SCREEN))) ||
    (is('overflow', /^hidden$/) &&
      (is('max-height', ZERO) ||
        is('height', ZERO) ||
        is('max-width', ZERO) ||
        is('width', ZERO))) ||
    (color !== undefined && color === background) ||
    (!hasBackground && is('color', WHITE))
  )
}

function declarations(style: string): Map<string, string> {
  const found = new Map<string, string>()
  for (const declaration of style.slice(0, 10_000).split(';')) {
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
    .filter(({ body }) => hides(body, true))
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
