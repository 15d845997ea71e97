import { compile } from 'css-select'
import { type Selector, SelectorType } from 'css-what'
import type { Document, Element } from 'domhandler'
import { mediaAttributeHolds } from './css-media.ts'
import { type Declarations, inlineDeclarations, type Rule, styleRules } from './css-rules.ts'
import { elementsOf, textBelow } from './html-tree.ts'

/** Which declarations win for an element, of those that a document's author made. */
export interface Cascade {
  /**
   * The winning values by property (CSS Cascade 5, section 6); `hints` are those of old attributes, which any
   * rule beats. Undefined when nothing is declared for the element. Without hints the same values are mostly the same map.
   */
  winning(
    element: Element,
    hints: ReadonlyMap<string, string>
  ): ReadonlyMap<string, string> | undefined
  /** Whether a part of the style was too much to be judged by. May become true while elements are asked about. */
  readonly isCut: () => boolean
}

interface Candidate {
  readonly rule: Rule
  readonly order: number
  matches(element: Element): boolean
  /** What one try costs, in steps of the budget. */
  readonly cost: number
}

/** Steps that matching may take in one document; each tries one selector on one element. */
const MATCH_BUDGET = 4_000_000
const MAX_REMEMBERED = 5000

/** Reads the style sheets of a document. */
export function cascadeOf(document: Document): Cascade {
  const sheets: string[] = []
  let count = 0
  for (const element of elementsOf(document)) {
    count += 1
    const { type = '', media } = element.attribs
    if (element.name !== 'style' || !/^\s*(text\/css)?\s*$/i.test(type)) continue
    if (mediaAttributeHolds(media)) sheets.push(textBelow(element))
  }
  const { rules, isCut } = styleRules(sheets)
  const book = new RuleBook(rules, document['x-mode'] === 'quirks', count)
  const inline = new Map<string, Declarations>()
  const remembered = new Map<string, ReadonlyMap<string, string>>()
  const wonOnce = (matched: readonly Candidate[], style: string | undefined) => {
    const own = style === undefined ? undefined : inlineOf(style, inline)
    if (matched.length === 0 && !own?.important.size) return own?.normal
    const key = `${matched.map(({ order }) => order).join()} ${style ?? ''}`
    const values = remembered.get(key) ?? won(NO_HINTS, matched, own)
    if (remembered.size < MAX_REMEMBERED) remembered.set(key, values)
    return values
  }
  return {
    isCut: () => isCut || book.isSpent,
    winning(element, hints) {
      const matched = book.matching(element)
      const { style } = element.attribs
      if (hints.size === 0) return wonOnce(matched, style)
      return won(hints, matched, style === undefined ? undefined : inlineOf(style, inline))
    }
  }
}

const NO_HINTS: ReadonlyMap<string, string> = new Map()

function won(
  hints: ReadonlyMap<string, string>,
  matched: readonly Candidate[],
  own: Declarations | undefined
): ReadonlyMap<string, string> {
  const values = new Map(hints)
  for (const { rule } of matched) merge(values, rule.declarations.normal)
  if (own) merge(values, own.normal)
  // Among important ones layers count the other way round (CSS Cascade 5, section 6.4.1).
  const byLayer = matched.toSorted((a, b) => Number(a.rule.isLayered) - Number(b.rule.isLayered))
  for (const { rule } of byLayer) merge(values, rule.declarations.important)
  if (own) merge(values, own.important)
  return values
}

function merge(into: Map<string, string>, from: ReadonlyMap<string, string>): void {
  for (const [property, value] of from) into.set(property, value)
}

/** Mails repeat a few styles a thousand times. */
function inlineOf(style: string, remembered: Map<string, Declarations>): Declarations {
  const known = remembered.get(style)
  if (known) return known
  const read = inlineDeclarations(style)
  if (remembered.size < MAX_REMEMBERED) remembered.set(style, read)
  return read
}

/** Rules by the id, class or element that their selector ends in, as browsers keep them. */
class RuleBook {
  readonly #byKey = new Map<string, Candidate[]>()
  #left = MATCH_BUDGET

  constructor(rules: readonly Rule[], quirksMode: boolean, elements: number) {
    for (const [order, rule] of rules.entries()) {
      const key = keyOf(rule.selector)
      const cost = costOf(rule.selector, elements)
      const matches = compiled(rule.selector, quirksMode)
      if (!matches) continue
      const candidate = { rule, order, matches, cost }
      const bucket = this.#byKey.get(key)
      if (bucket) bucket.push(candidate)
      else this.#byKey.set(key, [candidate])
    }
  }

  get isSpent(): boolean {
    return this.#left <= 0
  }

  /** Rules whose selector matches, the ones that win last. */
  matching(element: Element): Candidate[] {
    if (this.#byKey.size === 0) return []
    const found: Candidate[] = []
    for (const key of this.#keysOf(element))
      for (const candidate of this.#byKey.get(key) ?? []) {
        this.#left -= candidate.cost
        if (this.#left <= 0) return found
        if (candidate.matches(element)) found.push(candidate)
      }
    return found.length < 2 ? found : found.sort(byPrecedence)
  }

  /** Those keys of an element that rules have; each once. */
  #keysOf({ name, attribs }: Element): string[] {
    const keys = this.#byKey.has('*') ? ['*'] : []
    if (this.#byKey.has(name)) keys.push(name)
    const { id, class: classes } = attribs
    if (id && this.#byKey.has(`#${id.toLowerCase()}`)) keys.push(`#${id.toLowerCase()}`)
    for (const each of classes?.split(/\s+/) ?? []) {
      const key = `.${each.toLowerCase()}`
      if (this.#byKey.has(key) && !keys.includes(key)) keys.push(key)
    }
    return keys
  }
}

const byPrecedence = (a: Candidate, b: Candidate): number =>
  Number(b.rule.isLayered) - Number(a.rule.isLayered) ||
  a.rule.specificity - b.rule.specificity ||
  a.order - b.order

/** A function that tries a selector; undefined for one that no element fits, such as those of pseudo-elements. */
function compiled(
  selector: Selector[],
  quirksMode: boolean
): ((element: Element) => boolean) | undefined {
  try {
    return compile<Element, Element>([selector], { quirksMode, pseudos: PSEUDOS })
  } catch {
    return undefined
  }
}

/** Pseudo-classes that the library does not know. */
const PSEUDOS = {
  defined: () => true,
  focus: () => false,
  'focus-within': () => false,
  'focus-visible': () => false,
  target: () => false
} as const

function keyOf(selector: readonly Selector[]): string {
  let key = '*'
  for (const token of selector.toReversed()) {
    if (token.type === SelectorType.Attribute && token.action === 'equals' && token.name === 'id')
      return `#${token.value.toLowerCase()}`
    if (
      token.type === SelectorType.Attribute &&
      token.action === 'element' &&
      token.name === 'class'
    )
      key = `.${token.value.toLowerCase()}`
    else if (token.type === SelectorType.Tag && key === '*') key = token.name.toLowerCase()
    else if (isCombinator(token)) break
  }
  return key
}

const isCombinator = ({ type }: Selector): boolean =>
  type === SelectorType.Descendant ||
  type === SelectorType.Child ||
  type === SelectorType.Sibling ||
  type === SelectorType.Adjacent

/** Selectors that look at siblings or into an element may meet every other element each time they are tried. */
function costOf(selector: readonly Selector[], elements: number): number {
  const looksAround = selector.some(
    (token) =>
      token.type === SelectorType.Sibling ||
      (token.type === SelectorType.Pseudo &&
        (/^(nth-|has$|first-of|last-|only-|empty)/.test(token.name) ||
          (Array.isArray(token.data) && token.data.some((each) => costOf(each, 2) > 1))))
  )
  return looksAround ? Math.max(1, elements / 4) : 1
}
