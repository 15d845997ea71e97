import { type Document, type Element, isTag } from 'domhandler'
import { parse } from 'parse5'
import { adapter } from 'parse5-htmlparser2-tree-adapter'

/** The tree that a browser makes of this HTML (HTML standard, section 13.2), as mail programs do: without scripts. */
export const parseHtml = (source: string): Document =>
  parse(source, { treeAdapter: adapter, scriptingEnabled: false })

/** All elements of a document, in its order. */
export function* elementsOf(document: Document): Iterable<Element> {
  const stack = document.children.toReversed()
  for (let node = stack.pop(); node; node = stack.pop()) {
    if (!isTag(node)) continue
    yield node
    for (let at = node.children.length - 1; at >= 0; at -= 1) {
      const child = node.children[at]
      if (child) stack.push(child)
    }
  }
}

/** What a walk over a tree meets, in order. `L` is what is known of an element when it is entered. */
export interface Visitor<L> {
  enter(element: Element, look: L): void
  leave(element: Element, look: L): void
  text(text: string, look: L): void
}

/**
 * Walks over all that is below `document`, however deep it is. `judge` gives what is known of an element, from what is
 * known of the one around it; undefined leaves the element out with all that is in it.
 */
export function walk<L>(
  document: Document,
  outer: L,
  judge: (element: Element, outer: L) => L | undefined,
  visitors: readonly Visitor<L>[]
): void {
  const open: Open<L>[] = [{ element: undefined, look: outer, next: 0 }]
  for (let top = open.at(-1); top; top = open.at(-1)) {
    const node = (top.element ?? document).children[top.next]
    top.next += 1
    if (node === undefined) {
      leave(top, visitors)
      open.pop()
    } else if (isTag(node)) {
      const look = judge(node, top.look)
      if (look !== undefined) open.push(entered(node, look, visitors))
    } else if (node.type === 'text') {
      for (const visitor of visitors) visitor.text(node.data, top.look)
    }
  }
}

interface Open<L> {
  readonly element: Element | undefined
  readonly look: L
  /** Its child that comes next. */
  next: number
}

function entered<L>(element: Element, look: L, visitors: readonly Visitor<L>[]): Open<L> {
  for (const visitor of visitors) visitor.enter(element, look)
  return { element, look, next: 0 }
}

function leave<L>({ element, look }: Open<L>, visitors: readonly Visitor<L>[]): void {
  if (element) for (const visitor of visitors) visitor.leave(element, look)
}

/** All text below an element, however deep it is. */
export function textBelow(element: Element): string {
  const found: string[] = []
  const stack = element.children.toReversed()
  for (let node = stack.pop(); node; node = stack.pop()) {
    if (node.type === 'text') found.push(node.data)
    else if (isTag(node) && !NO_WORDS.has(node.name))
      for (let at = node.children.length - 1; at >= 0; at -= 1) {
        const child = node.children[at]
        if (child) stack.push(child)
      }
  }
  return found.join('')
}

/** Elements whose content is for programs. */
export const NO_WORDS: ReadonlySet<string> = new Set([
  ...['head', 'title', 'script', 'style', 'template', 'link', 'meta', 'base'],
  ...['iframe', 'noembed', 'noframes', 'datalist', 'rp']
])
