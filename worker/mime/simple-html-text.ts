import { decodeEntities } from './html-entities.ts'

/**
 * The text of HTML in which nothing can be hidden, without a tree; undefined when something might be. Such HTML has no
 * elements, attributes and declarations of style but the ones of lists made here: those of plain answers, as Gmail and its
 * like write them. Everything else is for the tree and the cascade to tell.
 */
export function simpleHtmlText(html: string): string | undefined {
  const pieces: string[] = []
  let at = 0
  while (at < html.length) {
    const open = html.indexOf('<', at)
    pieces.push(html.slice(at, open < 0 ? undefined : open))
    if (open < 0) break
    const close = html.indexOf('>', open)
    if (close < 0 || close - open > MAX_TAG_CHARS) return undefined
    const tag = html.slice(open + 1, close)
    if (!isOpen(tag)) return undefined
    if (BREAKING.test(tag)) pieces.push(' ')
    at = close + 1
  }
  return decodeEntities(pieces.join(''))
}

const MAX_TAG_CHARS = 4000

/** Elements that show what is in them, or have nothing in them. */
const TAG =
  /^\/?(html|head|body|meta|div|p|br|span|a|b|strong|i|em|u|font|blockquote|ul|ol|li|table|tbody|thead|tr|td|th|h[1-6]|hr|pre|code|tt|img|center|small|sub|sup|wbr|dl|dt|dd)(?=[\s/]|$)/i
const BREAKING =
  /^\/?(p|div|br|td|th|tr|li|h[1-6]|table|ul|ol|dl|dt|dd|hr|center|blockquote|pre)\b/i
const ATTRIBUTE = /[\s/]+([a-z][a-z-]*)(?:\s*=\s*(?:"([^"<>]*)"|'([^'<>]*)'|([^\s"'<>=`]+)))?/iy
const HARMLESS =
  /^(href|src|alt|title|class|id|dir|lang|align|valign|width|height|border|cellpadding|cellspacing|colspan|rowspan|target|rel|name|face|size|type|cite|start|content|charset|http-equiv|data-[a-z-]+)$/i

function isOpen(tag: string): boolean {
  const known = REMEMBERED.get(tag)
  if (known !== undefined) return known
  const isFine = judged(tag)
  // Mail repeats a few tags; what is long is mostly a link of its own.
  if (tag.length < 300 && REMEMBERED.size < MAX_REMEMBERED) REMEMBERED.set(tag, isFine)
  return isFine
}

const QUOTE = /&(quot|#39|apos);/g
const REMEMBERED = new Map<string, boolean>()
const MAX_REMEMBERED = 1000

function judged(tag: string): boolean {
  if (/^!doctype\s[^<>]*$/i.test(tag)) return true
  const name = TAG.exec(tag)?.[0]
  if (name === undefined) return false
  let at = name.length
  while (at < tag.length) {
    ATTRIBUTE.lastIndex = at
    const found = ATTRIBUTE.exec(tag)
    if (!found) return /^[\s/]*$/.test(tag.slice(at))
    const [whole, attribute = '', double, single, bare] = found
    if (!isFineAttribute(attribute.toLowerCase(), double ?? single ?? bare ?? '')) return false
    at += whole.length
  }
  return true
}

function isFineAttribute(name: string, value: string): boolean {
  if (name === 'style') return value.replace(QUOTE, "'").split(';').every(isFineDeclaration)
  if (name === 'color' || name === 'text') return isDark(value.trim().toLowerCase())
  if (name === 'bgcolor') return BACKGROUND.test(value.trim().toLowerCase())
  return HARMLESS.test(name)
}

function isFineDeclaration(written: string): boolean {
  if (written.trim() === '') return true
  const [, property = '', value = ''] = /^\s*([a-z-]+)\s*:\s*([^:;{}\\]*?)\s*$/i.exec(written) ?? []
  const test = DECLARATIONS.find(([names]) => names.test(property.toLowerCase()))?.[1]
  return test?.(value.toLowerCase().replace(/\s*!important$/, '')) ?? false
}

const matching =
  (pattern: RegExp) =>
  (value: string): boolean =>
    pattern.test(value)

/** Bounded, and never to the left or up: boxes that stay where they are. */
const isBox = (value: string): boolean =>
  value
    .replace(/\s*,\s*/g, ',')
    .split(/\s+/)
    .every((each) =>
      /^(\d{1,2}(\.\d+)?(px|pt|%)?|\d(\.\d+)?(ex|em|rem)|[a-z]+|#[0-9a-f]{3,6}|rgb\([\d,]+\))$/.test(
        each
      )
    )

const BACKGROUND = /^(white|transparent|none|initial|inherit|#fff|#ffffff|rgb\(255, ?255, ?255\))$/

/** What can be read on white. */
function isDark(value: string): boolean {
  if (
    /^(black|navy|blue|maroon|purple|green|teal|red|darkblue|inherit|initial|windowtext|currentcolor)$/.test(
      value
    )
  )
    return true
  const hex = /^#([0-9a-f]{3}|[0-9a-f]{6})$/.exec(value)?.[1]
  const parts = hex
    ? (hex.length === 3 ? [...hex].map((digit) => digit + digit) : (hex.match(/../g) ?? [])).map(
        (pair) => Number.parseInt(pair, 16)
      )
    : /^rgb\((\d+), ?(\d+), ?(\d+)\)$/.exec(value)?.slice(1).map(Number)
  return (
    parts !== undefined &&
    Math.min(...parts) <= DARK &&
    Math.max(...parts) <= 255 &&
    sum(parts) <= 3 * DARK
  )
}

const DARK = 0xa0
const sum = (numbers: readonly number[]): number => numbers.reduce((all, each) => all + each, 0)

/** Declarations that cannot hide text, by property. */
const DECLARATIONS: readonly (readonly [RegExp, (value: string) => boolean])[] = [
  [/^(margin|padding|border)(-[a-z]+)*$/, isBox],
  [/^color$/, isDark],
  [/^background(-color)?$/, matching(BACKGROUND)],
  [/^font-family$/, matching(/^[\w\s,"'&;.-]*$/)],
  [
    /^font-size$/,
    matching(/^((x-|xx-)?(small|large)|medium|inherit|([6-9]|[1-9]\d)(\.\d+)?(px|pt))$/)
  ],
  [
    /^(font-(weight|style|variant[a-z-]*|stretch)|text-align|text-decoration[a-z-]*)$/,
    matching(/^[a-z0-9\s-]*$/)
  ],
  [/^line-height$/, matching(/^(normal|inherit|[1-9]\d{0,2}(\.\d+)?(px|pt|em|%)?)$/)],
  [/^white-space$/, matching(/^(normal|nowrap|pre|pre-wrap|pre-line)$/)],
  [
    /^(text-transform|float|letter-spacing|word-spacing|text-indent)$/,
    matching(/^(none|normal|0|0px|start)$/)
  ],
  [/^(width|max-width|min-width)$/, matching(/^(auto|none|\d{2,4}(\.\d+)?px|\d{2,3}%)$/)],
  [/^display$/, matching(/^(block|inline|inline-block)$/)],
  [
    /^(direction|vertical-align|word-wrap|word-break|overflow-wrap|orphans|widows|list-style-type|border-collapse)$/,
    matching(/^[a-z0-9-]*$/)
  ]
]
