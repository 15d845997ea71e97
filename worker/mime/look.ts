import type { Element } from 'domhandler'
import type { Cascade } from './css-cascade.ts'
import {
  BLACK,
  type Colour,
  contrast,
  over,
  parseColour,
  parseOldColour,
  WHITE
} from './css-colour.ts'
import { fontSizeToPx, oldFontSizeToPx, ROOT_FONT_PX, sizeInFont, toPx } from './css-length.ts'

/** How text directly in an element looks on a screen, and how it flows. */
export interface Look {
  /** Whether a person can make it out. */
  readonly isSeen: boolean
  readonly flow: 'inline' | 'inline-block' | 'block' | 'cell'
  /** Whether white space stays as it is. */
  readonly isPre: boolean
  readonly isStruck: boolean
  /** What inner elements start from. */
  readonly inner: Inherited
}

/** What elements hand on to those within them, and what of them shows through. */
interface Inherited {
  readonly isVisible: boolean
  readonly fontPx: number
  /** Undefined: cannot be told, such as text that its own background colours. */
  readonly colour: Colour | undefined
  /** What is behind the text. Undefined: a picture or a pattern. */
  readonly behind: Colour | undefined
  readonly opacity: number
  /** By how much transformations make things smaller. */
  readonly scale: number
  readonly indentPx: number
  readonly isPre: boolean
  readonly isStruck: boolean
  readonly own: ReadonlyMap<string, string> | undefined
}

/** The look of a document before any element has changed it. */
export const PLAIN: Look = {
  isSeen: true,
  flow: 'block',
  isPre: false,
  isStruck: false,
  inner: {
    isVisible: true,
    fontPx: ROOT_FONT_PX,
    colour: BLACK,
    behind: WHITE,
    opacity: 1,
    scale: 1,
    indentPx: 0,
    isPre: false,
    isStruck: false,
    own: undefined
  }
}

/** Smaller text cannot be read. */
const LEAST_FONT_PX = 3
/** Fainter text cannot be read; the lightest grey of honest mail, #eee on white, has 1.16. */
const LEAST_CONTRAST = 1.12
const LEAST_OPACITY = 0.05
/** Boxes that cut off what is in them hide it when they are not larger. */
const LARGEST_NOTHING_PX = 2
/** Further away is outside of every screen; scrolling to the left or up leads nowhere. */
const FAR_BACK_PX = -300
const FAR_AHEAD_PX = 5000

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
const TABLE_PARTS: ReadonlySet<string> = new Set([
  'table',
  'tbody',
  'thead',
  'tfoot',
  'tr',
  'td',
  'th'
])
const STRUCK: ReadonlySet<string> = new Set(['s', 'strike', 'del'])
const NO_HINTS: ReadonlyMap<string, string> = new Map()

/** The look of each element of a document inside `outer`; undefined when it is hidden with all that is in it. */
export function looksOf(cascade: Cascade): (element: Element, outer: Look) => Look | undefined {
  // Mails repeat a few elements a thousand times.
  const judged = new WeakMap<Look, Map<ReadonlyMap<string, string>, Judged>>()
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
  readonly look: Look | undefined
}

const MAX_JUDGED = 1000

function lookOf(
  element: Element,
  outer: Look,
  declared: ReadonlyMap<string, string> | undefined
): Look | undefined {
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

const LINK: Colour = [0, 0, 238, 1]
const PRE: ReadonlySet<string> = new Set(['pre', 'listing', 'plaintext', 'xmp', 'textarea'])

/** Whether browsers show such an element when nobody says otherwise. */
const isUsual = ({ name, attribs }: Element): boolean =>
  attribs.hidden === undefined && (name !== 'dialog' || attribs.open !== undefined)

function usualFlow(name: string): Look['flow'] {
  if (name === 'td' || name === 'th') return 'cell'
  if (name === 'button' || name === 'input' || name === 'select') return 'inline-block'
  return BLOCKS.has(name) ? 'block' : 'inline'
}

/** Old attributes that say how things look (HTML standard, section 15.3). */
function hintsOf({ name, attribs }: Element): ReadonlyMap<string, string> {
  const { color, bgcolor, background, size, text, width, height } = attribs
  if (
    color === undefined &&
    bgcolor === undefined &&
    background === undefined &&
    text === undefined &&
    (name !== 'img' || (width === undefined && height === undefined)) &&
    (name !== 'font' || size === undefined)
  )
    return NO_HINTS
  const hints = new Map<string, string>()
  if (name === 'font' && color !== undefined) hints.set('color', rgb(color))
  if (name === 'body' && text !== undefined) hints.set('color', rgb(text))
  if (bgcolor !== undefined) hints.set('background-color', rgb(bgcolor))
  if (background) hints.set('background-image', 'url(x)')
  if (name === 'font' && size !== undefined) {
    const px = oldFontSizeToPx(size)
    if (px !== undefined) hints.set('font-size', `${px}px`)
  }
  return hints
}

function rgb(written: string): string {
  const colour = parseOldColour(written)
  return colour ? `rgb(${colour[0]} ${colour[1]} ${colour[2]} / ${colour[3]})` : 'inherit'
}

function seen(inner: Inherited, flow: Look['flow']): Look {
  const { isPre, isStruck } = inner
  return { isSeen: isSeen(inner), flow, isPre, isStruck, inner }
}

function isSeen({ isVisible, fontPx, scale, colour, behind, indentPx }: Inherited): boolean {
  if (!isVisible || fontPx * scale < LEAST_FONT_PX) return false
  if (indentPx <= FAR_BACK_PX) return false
  if (colour === undefined) return true
  if (colour[3] < LEAST_OPACITY) return false
  return behind === undefined || contrast(over(colour, behind), behind) >= LEAST_CONTRAST
}

const SCALING = ['zoom', 'transform', 'scale'] as const

/** Works out one element's look from the values that won for it. */
class Judge {
  readonly #element: Element
  readonly #outer: Inherited
  readonly #declared: ReadonlyMap<string, string>
  #own: ReadonlyMap<string, string> | undefined

  constructor(element: Element, outer: Inherited, declared: ReadonlyMap<string, string>) {
    this.#element = element
    this.#outer = outer
    this.#declared = declared
    this.#own = this.#customProperties()
  }

  look(usual: Look['flow']): Look | undefined {
    const display = this.#value('display')
    if (display === 'none' || (display === undefined && !isUsual(this.#element))) return undefined
    if (this.#value('content-visibility') === 'hidden') return undefined
    const flow = this.#flow(display, usual)
    const fontPx = this.#fontPx()
    const opacity = this.#outer.opacity * this.#opacity()
    const scale = this.#outer.scale * this.#scale()
    if (opacity < LEAST_OPACITY || scale < 0.01) return undefined
    if (this.#isAway(fontPx) || this.#isClipped(display, flow, fontPx)) return undefined
    const behind = this.#behind()
    const inner: Inherited = {
      isVisible: this.#isVisible(),
      fontPx,
      colour: this.#colour(),
      behind,
      opacity,
      scale,
      indentPx: this.#indentPx(fontPx),
      isPre: this.#isPre(),
      isStruck:
        this.#outer.isStruck ||
        STRUCK.has(this.#element.name) ||
        (this.#value('text-decoration-line')?.includes('line-through') ?? false),
      own: this.#own
    }
    return seen(inner, flow)
  }

  /** A declared value with its `var()` filled in; undefined when there is none, or it says to do as usual. */
  #value(property: string): string | undefined {
    const written = this.#declared.get(property)
    if (written === undefined) return undefined
    const value = written.includes('var(') ? filledIn(written, this.#own) : written
    return value === 'initial' || value === 'revert' || value === 'revert-layer' ? undefined : value
  }

  #isReset(property: string): boolean {
    return /^(initial|revert)/.test(this.#declared.get(property) ?? '')
  }

  #customProperties(): ReadonlyMap<string, string> | undefined {
    let own: Map<string, string> | undefined
    for (const [name, value] of this.#declared)
      if (name.startsWith('--')) {
        own ??= new Map(this.#outer.own)
        if (own.size < 1000) own.set(name, value)
      }
    return own ?? this.#outer.own
  }

  #flow(display: string | undefined, usual: Look['flow']): Look['flow'] {
    const isOut = /^(absolute|fixed)$/.test(this.#value('position') ?? '')
    if (isOut || /^(left|right)$/.test(this.#value('float') ?? ''))
      return usual === 'cell' ? 'cell' : 'block'
    if (display === undefined || display === 'inherit') return usual
    if (/^inline-(block|flex|grid|table)$|^inline (flow-root|flex|grid|table)$/.test(display))
      return 'inline-block'
    if (/^(inline|contents|ruby|unset)$/.test(display)) return 'inline'
    if (display === 'table-cell') return usual === 'cell' ? 'cell' : 'inline-block'
    return 'block'
  }

  #isVisible(): boolean {
    const value = this.#value('visibility')
    if (value === 'hidden' || value === 'collapse') return false
    return value === 'visible' || this.#isReset('visibility') || this.#outer.isVisible
  }

  #fontPx(): number {
    const written = this.#value('font-size')
    if (this.#isReset('font-size')) return ROOT_FONT_PX
    if (written === undefined) return this.#outer.fontPx
    const size = written.startsWith('font ') ? sizeInFont(written.slice(5)) : written
    const px = size === undefined ? undefined : fontSizeToPx(size, this.#outer.fontPx)
    return px ?? this.#outer.fontPx
  }

  #opacity(): number {
    const filter = /opacity\(\s*([\d.]+%?)\s*\)/.exec(this.#value('filter') ?? '')?.[1]
    return share(this.#value('opacity')) * share(filter)
  }

  #scale(): number {
    if (!SCALING.some((property) => this.#declared.has(property))) return 1
    const zoom = share(this.#value('zoom'))
    const transform = this.#value('transform') ?? ''
    const own = [
      this.#value('scale') ?? '1',
      ...(/\bscale(?:[xyz]|3d)?\(([^)]*)\)/.exec(transform)?.slice(1) ?? [])
    ]
    const factors = own.flatMap((each) => each.split(/[\s,]+/)).map(share)
    const isOnEdge = /rotate[xy]\(\s*-?(90|270)deg/.test(transform)
    const matrix = /\bmatrix\(\s*([^,]+),[^,]+,[^,]+,\s*([^,]+),/.exec(transform)
    if (matrix) factors.push(share(matrix[1]), share(matrix[2]))
    return (zoom === 0 ? 1 : zoom) * Math.min(...factors.map(Math.abs)) * (isOnEdge ? 0 : 1)
  }

  #isAway(fontPx: number): boolean {
    const px = (written: string | undefined) => (written && toPx(written, fontPx)) || 0
    const isFar = (length: number) => length <= FAR_BACK_PX || length >= FAR_AHEAD_PX
    if (isFar(px(this.#value('margin-left'))) || px(this.#value('margin-top')) <= FAR_BACK_PX * 3)
      return true
    const moves = [
      ...(/\btranslate[xy]?\(([^)]*)\)/.exec(this.#value('transform') ?? '')?.[1]?.split(',') ??
        []),
      ...(this.#value('translate')?.split(' ') ?? [])
    ]
    if (moves.some((each) => isFar(px(each.trim())))) return true
    if (!/^(absolute|fixed|relative)$/.test(this.#value('position') ?? '')) return false
    return ['left', 'top', 'right', 'bottom'].some((side) => isFar(px(this.#value(side))))
  }

  #isClipped(display: string | undefined, flow: Look['flow'], fontPx: number): boolean {
    const clip = this.#value('clip')
    const isOut = /^(absolute|fixed)$/.test(this.#value('position') ?? '')
    if (isOut && clip !== undefined && isEmptyRect(clip)) return true
    if (isEmptyClipPath(this.#value('clip-path') ?? '')) return true
    const isNothing = (written: string | undefined) => {
      const px = written === undefined ? undefined : toPx(written, fontPx)
      return px !== undefined && px <= LARGEST_NOTHING_PX
    }
    if (this.#element.name === 'img') {
      const { width, height } = this.#element.attribs
      return ['width', 'height'].some(
        (side, at) => isNothing(this.#value(side)) || isNothing([width, height][at]?.trim())
      )
    }
    // Neither rows of text nor tables take a height that is too small for them.
    const isTable = display?.startsWith('table') ?? TABLE_PARTS.has(this.#element.name)
    if (flow === 'inline' || isTable) return false
    const cuts = (side: 'x' | 'y') =>
      /^(hidden|clip|auto|scroll)$/.test(this.#value(`overflow-${side}`) ?? '')
    if (!cuts('x') && !cuts('y')) return false
    return ['max-height', 'height', 'max-width', 'width'].some((side) =>
      isNothing(this.#value(side))
    )
  }

  #indentPx(fontPx: number): number {
    const written = this.#value('text-indent')
    return (
      (written && toPx(written.split(' ')[0] ?? '', fontPx)) || (written ? 0 : this.#outer.indentPx)
    )
  }

  #isPre(): boolean {
    const value = this.#value('white-space')
    if (value === undefined) return PRE.has(this.#element.name) || this.#outer.isPre
    return value === 'inherit' ? this.#outer.isPre : /^(pre|break-spaces)/.test(value)
  }

  #behind(): Colour | undefined {
    const { behind } = this.#outer
    const image = this.#value('background-image')
    const layer = colourIn(this.#value('background-color'), this.#outer.colour)
    const ground = layer && ((behind ?? layer[3] >= 1) ? over(layer, behind ?? WHITE) : undefined)
    const plain = layer === undefined ? behind : ground
    return image === undefined ? plain : behindImage(image, plain)
  }

  #colour(): Colour | undefined {
    if (/\btext\b/.test(this.#value('background-clip') ?? '') && this.#value('background-image'))
      return undefined
    const isLink = this.#element.name === 'a' && this.#element.attribs.href !== undefined
    const usual = isLink ? LINK : this.#outer.colour
    const fill = this.#value('-webkit-text-fill-color')
    const written = fill === undefined || fill === 'currentcolor' ? this.#value('color') : fill
    if (written === undefined) return this.#isReset('color') ? BLACK : usual
    if (/^(inherit|currentcolor|unset)$/.test(written)) return this.#outer.colour
    return parseColour(written) ?? usual
  }
}

const share = (written: string | undefined): number => {
  if (written === undefined) return 1
  const number = Number.parseFloat(written)
  if (!Number.isFinite(number)) return 1
  return written.endsWith('%') ? number / 100 : number
}

/** `rect()` of no area (CSS Masking 1, section 6.1). */
function isEmptyRect(clip: string): boolean {
  const sides = /^rect\(([^)]*)\)/
    .exec(clip)?.[1]
    ?.trim()
    .split(/[\s,]+/)
  if (!sides) return false
  const [top, right, bottom, left] = sides.map((side) =>
    side === 'auto' ? undefined : Number.parseFloat(side)
  )
  const isThin = (from = 0, to = Number.POSITIVE_INFINITY) => to - from <= LARGEST_NOTHING_PX
  return isThin(top, bottom) || isThin(left, right)
}

function isEmptyClipPath(path: string): boolean {
  if (/^(circle|ellipse)\(\s*0/.test(path)) return true
  if (/^polygon\(\s*(0(px|%)?[\s,]*)+\)/.test(path)) return true
  const sides = /^inset\(([^)]*)\)/.exec(path)?.[1]?.trim().split(/\s+/)
  if (!sides) return false
  const [top = '', right = top, bottom = top, left = right] = sides
  const percent = (side: string) => (side.endsWith('%') ? Number.parseFloat(side) : 0)
  return percent(top) + percent(bottom) >= 100 || percent(left) + percent(right) >= 100
}

/** The colour in a background: the last word of it that is one. */
function colourIn(background: string | undefined, current: Colour | undefined): Colour | undefined {
  if (background === undefined || /^(inherit|unset|none)$/.test(background)) return undefined
  if (background === 'currentcolor') return current
  const whole = parseColour(background)
  if (whole) return whole
  const words = background.match(/[a-z-]+\([^()]*\)|[^\s,()]+/g) ?? []
  return words
    .filter((word) => !/^[a-z-]*(url|gradient)\(/.test(word))
    .map((word) => parseColour(word))
    .findLast((colour) => colour !== undefined)
}

/** What is behind text with a background image: not known, unless it is one colour after all. */
function behindImage(image: string, plain: Colour | undefined): Colour | undefined {
  if (/\burl\(\s*["']?[^)"'\s]|image-set\(/.test(image)) return undefined
  const gradient = /gradient\((.*)\)/s.exec(image)?.[1]
  if (gradient === undefined) return plain
  const stops = (gradient.match(/#[0-9a-f]{3,8}\b|[a-z]+\([^()]*\)|[a-z]+/g) ?? [])
    .map((word) => parseColour(word))
    .filter((stop) => stop !== undefined)
  const [first] = stops
  if (
    !first ||
    stops.some((stop) => contrast(over(stop, WHITE), over(first, WHITE)) >= LEAST_CONTRAST)
  )
    return undefined
  return over(first, plain ?? WHITE)
}

const MAX_VALUE_CHARS = 1000

/** `var()` by what the element or one around it set (CSS Variables 1); an unset one without fallback is no value. */
function filledIn(
  written: string,
  own: ReadonlyMap<string, string> | undefined
): string | undefined {
  let value = written
  for (let turn = 0; turn < 10 && value.includes('var('); turn += 1) {
    if (value.length > MAX_VALUE_CHARS) return undefined
    let isKnown = true
    value = value.replace(
      /var\(\s*(--[^\s,()]+)\s*(?:,((?:[^()]|\([^()]*\))*))?\)/g,
      (_, name: string, fallback: string | undefined) => {
        const known = own?.get(name) ?? fallback?.trim()
        if (known === undefined) isKnown = false
        return known ?? ''
      }
    )
    if (!isKnown) return undefined
  }
  return value.includes('var(') ? undefined : value.trim()
}
