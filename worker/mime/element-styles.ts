import type { Element } from 'domhandler'
import { Judge } from './compute-style.ts'
import { type ComputedStyle, seen } from './computed-style.ts'
import type { Cascade } from './css-cascade.ts'
import { isUsual, LINK, PRE, STRUCK, usualFlow } from './element-defaults.ts'
import { hintsOf, NO_HINTS } from './presentational-hints.ts'

/** The look of each element of a document inside `outer`; undefined when it is hidden with all that is in it. */
export function elementStyles(
  cascade: Cascade
): (element: Element, outer: ComputedStyle) => ComputedStyle | undefined {
  // Mails repeat a few elements a thousand times.
  const judged = new WeakMap<ComputedStyle, Map<ReadonlyMap<string, string>, Judged>>()
  return (element, outer) => {
    const { name, attribs } = element
    const hints = hintsOf(element)
    const declared = cascade.winning(element, hints)
    if (!isUsual(element) || name === 'img' || !declared || hints !== NO_HINTS)
      return lookOf(element, outer, declared)
    const isLink = attribs.href !== undefined
    const within = judged.get(outer) ?? new Map<ReadonlyMap<string, string>, Judged>()
    const last = within.get(declared)
    if (last?.name === name && last.isLink === isLink) return last.look
    const look = lookOf(element, outer, declared)
    if (within.size === 0) judged.set(outer, within)
    if (within.size < MAX_JUDGED) within.set(declared, { name, isLink, look })
    return look
  }
}

/** A look and all that it depends on, beside what is around it and what is declared. */
interface Judged {
  readonly name: string
  readonly isLink: boolean
  readonly look: ComputedStyle | undefined
}

const MAX_JUDGED = 1000

function lookOf(
  element: Element,
  outer: ComputedStyle,
  declared: ReadonlyMap<string, string> | undefined
): ComputedStyle | undefined {
  const { name } = element
  const usual = usualFlow(name)
  const pre = PRE.has(name) || undefined
  const isStruck = outer.inner.isStruck || STRUCK.has(name)
  const usualColour = name === 'a' && element.attribs.href !== undefined ? LINK : undefined
  const isSized = name === 'img' && (element.attribs.width ?? element.attribs.height) !== undefined
  if (!declared && isUsual(element) && !isSized) {
    if (!pre && !usualColour && isStruck === outer.inner.isStruck && outer.flow === usual)
      return outer
    const inner = { ...outer.inner, isStruck, isPre: pre ?? outer.inner.isPre }
    if (usualColour) inner.colour = usualColour
    return seen(inner, usual)
  }
  return new Judge(element, outer.inner, declared ?? NO_HINTS).look(usual)
}
