/** Whether an element is made so that a reader does not see it. */
export type IsHidden = (attributes: Readonly<Record<string, string>>) => boolean

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
  return (attributes) => {
    if ('hidden' in attributes) return true
    if (attributes['id'] && names.has(`#${attributes['id']}`)) return true
    if ((attributes['class'] ?? '').split(/\s+/).some((each) => names.has(`.${each}`))) return true
    const style = attributes['style']
    const color = attributes['color']
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
  const names = new Set<string>()
  for (const [, css] of html.slice(0, MAX_STYLE_CHARS).matchAll(/<style\b[^>]*>([^]*?)<\/style/gi))
    for (const [selectors, body] of topLevelRules(css ?? ''))
      if (hides(body, true))
        for (const selector of selectors.split(',')) {
          const simple = /^[a-z0-9*]*([.#][\w-]+)$/i.exec(selector.trim())
          if (simple?.[1]) names.add(simple[1])
        }
  return names
}

/** Rules outside `@media` and other blocks: those hold on some screens only. */
function* topLevelRules(css: string): Iterable<[selectors: string, body: string]> {
  let depth = 0
  let from = 0
  let selectors = ''
  for (const { index, 0: brace } of css.matchAll(/[{}]/g)) {
    if (brace === '{') {
      if (depth === 0) selectors = css.slice(from, index)
      depth += 1
      if (depth === 1) from = index + 1
    } else if (depth > 0) {
      depth -= 1
      if (depth === 0) {
        if (!selectors.trim().startsWith('@')) yield [selectors, css.slice(from, index)]
        from = index + 1
      }
    }
  }
}
