import type { CssNode } from 'css-tree'
import generate from 'css-tree/generator'
import parse from 'css-tree/parser'
import { ident } from 'css-tree/utils'
import { parse as parseSelectors, type Selector, SelectorType } from 'css-what'
import { holdsOnScreen } from './css-media.ts'
import { isValue } from './css-value.ts'

/** Declared values by property: lower case, without comments, shorthands taken apart. */
export interface Declarations {
  readonly normal: ReadonlyMap<string, string>
  readonly important: ReadonlyMap<string, string>
}

/** One selector of a style rule that holds on the screen, with what it declares. */
export interface Rule {
  readonly selector: Selector[]
  /** As one number: ids, classes, elements (Selectors 4, section 17). */
  readonly specificity: number
  readonly declarations: Declarations
  /** Rules in a cascade layer yield to those outside (CSS Cascade 5, section 6.4). */
  readonly isLayered: boolean
}

export interface StyleRules {
  readonly rules: readonly Rule[]
  /** Whether there was more than is read. */
  readonly isCut: boolean
}

const MAX_RULES = 10_000
const MAX_SHEET_CHARS = 500_000
const MAX_NESTING = 10
const SHEET = { parseValue: false, parseCustomProperty: false, parseRulePrelude: false } as const
/** Blocks whose rules may hold; those of other at-rules, such as `@font-face`, are no style rules. */
const CONDITIONAL = new Set(['media', 'supports', 'layer', 'container', 'scope', 'starting-style'])

/** What bears on whether text is seen, and how it flows. Custom properties count as well. */
const PROPERTIES: ReadonlySet<string> = new Set([
  ...[
    'display',
    'visibility',
    'opacity',
    'filter',
    'content-visibility',
    'font-size',
    'zoom',
    'color'
  ],
  ...['background-color', 'background-image', '-webkit-text-fill-color', 'background-clip'],
  ...[
    'text-indent',
    'position',
    'left',
    'right',
    'top',
    'bottom',
    'margin-left',
    'margin-top',
    'float'
  ],
  ...[
    'overflow-x',
    'overflow-y',
    'width',
    'height',
    'max-width',
    'max-height',
    'clip',
    'clip-path'
  ],
  ...['transform', 'scale', 'translate', 'rotate', 'white-space', 'text-decoration-line']
])
const LOGICAL: Readonly<Record<string, string>> = {
  'inline-size': 'width',
  'block-size': 'height',
  'max-inline-size': 'max-width',
  'max-block-size': 'max-height',
  'inset-inline-start': 'left',
  'inset-inline-end': 'right',
  'inset-block-start': 'top',
  'inset-block-end': 'bottom',
  'margin-inline-start': 'margin-left',
  'margin-block-start': 'margin-top',
  'overflow-inline': 'overflow-x',
  'overflow-block': 'overflow-y',
  'text-decoration': 'text-decoration-line',
  '-webkit-background-clip': 'background-clip',
  '-webkit-transform': 'transform',
  '-webkit-clip-path': 'clip-path',
  '-webkit-filter': 'filter'
}

/** The style rules of the sheets of one document, in order. Never throws: what is no CSS is left out, as in browsers. */
export function styleRules(sheets: readonly string[]): StyleRules {
  const found: Rule[] = []
  let room = MAX_SHEET_CHARS
  let isCut = false
  for (const sheet of sheets) {
    if (room <= 0 || sheet.length > room) isCut = true
    if (room <= 0) break
    try {
      collect(parse(sheet.slice(0, room), SHEET), undefined, { isLayered: false, depth: 0 }, found)
    } catch {
      isCut = true // nested deeper than the stack
    }
    room -= sheet.length
  }
  return { rules: found.slice(0, MAX_RULES), isCut: isCut || found.length > MAX_RULES }
}

/** The declarations of a `style` attribute. */
export function inlineDeclarations(style: string): Declarations {
  const list = parse(style, { ...SHEET, context: 'declarationList' })
  return declarationsIn(list.type === 'DeclarationList' ? list.children.toArray() : [])
}

interface Place {
  readonly isLayered: boolean
  readonly depth: number
}

function collect(node: CssNode, outer: string | undefined, place: Place, found: Rule[]): void {
  if (place.depth > MAX_NESTING || found.length > MAX_RULES) return
  const inner = { ...place, depth: place.depth + 1 }
  switch (node.type) {
    case 'StyleSheet':
    case 'Block':
      for (const child of node.children.toArray()) collect(child, outer, place, found)
      return
    case 'Raw':
      // A nested rule that does not begin with `&` (CSS Nesting 1, section 2).
      if (outer !== undefined && node.value.includes('{'))
        collect(parse(node.value, SHEET), outer, inner, found)
      return
    case 'Rule': {
      const selectors = nested(generate(node.prelude), outer)
      const declarations = declarationsIn(node.block.children.toArray())
      add(selectors, declarations, place.isLayered, found)
      collect(node.block, selectors, inner, found)
      return
    }
    case 'Atrule': {
      const name = node.name.toLowerCase()
      if (!node.block || !CONDITIONAL.has(name) || !holds(name, node.prelude)) return
      const isLayered = place.isLayered || name === 'layer'
      const bare = declarationsIn(node.block.children.toArray())
      if (outer !== undefined) add(outer, bare, isLayered, found)
      collect(node.block, outer, { ...inner, isLayered }, found)
      return
    }
    default:
  }
}

function holds(name: string, prelude: CssNode | null): boolean {
  if (name === 'media') return holdsOnScreen(prelude)
  // Browsers support what they are asked for, or the question would not be put.
  if (name === 'supports') return !/^\s*not\b/i.test(prelude ? generate(prelude) : '')
  return name !== 'starting-style'
}

function nested(selectors: string, outer: string | undefined): string {
  if (outer === undefined) return selectors
  const parent = `:is(${outer})`
  return selectors.includes('&') ? selectors.replaceAll('&', parent) : `${parent} ${selectors}`
}

function add(
  selectors: string,
  declarations: Declarations,
  isLayered: boolean,
  found: Rule[]
): void {
  if (declarations.normal.size + declarations.important.size === 0) return
  for (const selector of parsed(selectors)) {
    if (found.length > MAX_RULES) return
    found.push({ selector, specificity: specificityOf(selector), declarations, isLayered })
  }
}

function parsed(selectors: string): Selector[][] {
  try {
    return parseSelectors(selectors)
  } catch {
    return []
  }
}

/** Ids count most, then classes and their like, then elements; each of them up to 1023. */
function specificityOf(selector: readonly Selector[]): number {
  let sum = 0
  for (const token of selector) {
    switch (token.type) {
      case SelectorType.Attribute:
        sum += token.name === 'id' && token.action === 'equals' ? 1 << 20 : 1 << 10
        break
      case SelectorType.Tag:
      case SelectorType.PseudoElement:
        sum += 1
        break
      case SelectorType.Pseudo:
        sum += pseudoSpecificity(token.name, token.data)
        break
      default:
    }
  }
  return sum
}

function pseudoSpecificity(name: string, data: Selector[][] | string | null): number {
  if (name === 'where') return 0
  if (!Array.isArray(data)) return 1 << 10
  return Math.max(0, ...data.slice(0, 100).map(specificityOf))
}

function declarationsIn(nodes: readonly CssNode[]): Declarations {
  const normal = new Map<string, string>()
  const important = new Map<string, string>()
  for (const node of nodes) {
    if (node.type !== 'Declaration') continue
    const target = node.important ? important : normal
    const written = node.value.type === 'Raw' ? node.value.value : generate(node.value)
    const property = decoded(node.property).toLowerCase()
    const value = decoded(written.replace(/\/\*.*?\*\//gs, ' '))
      .replace(/\s+/g, ' ')
      .trim()
      .toLowerCase()
    // A later one wins within a block, unless it is no value at all.
    for (const [name, part] of longhands(property, value))
      if (isValue(name, part, property)) target.set(name, part)
  }
  return { normal, important }
}

const decoded = (text: string): string => (text.includes('\\') ? ident.decode(text) : text)

/** The properties that count, which a declaration sets. */
function longhands(property: string, value: string): readonly (readonly [string, string])[] {
  switch (property) {
    case 'background':
      return [
        ['background-color', value],
        ['background-image', value]
      ]
    case 'font':
      return [['font-size', value.includes(' ') ? `font ${value}` : value]]
    case 'overflow': {
      const [x = '', y = x] = value.split(' ')
      return [
        ['overflow-x', x],
        ['overflow-y', y]
      ]
    }
    case 'inset':
    case 'margin': {
      const [top = '', right = top, bottom = top, left = right] = value.split(' ')
      return property === 'margin'
        ? [
            ['margin-top', top],
            ['margin-left', left]
          ]
        : [
            ['top', top],
            ['right', right],
            ['bottom', bottom],
            ['left', left]
          ]
    }
    default: {
      const name = LOGICAL[property] ?? property
      return PROPERTIES.has(name) || name.startsWith('--') ? [[name, value]] : []
    }
  }
}
