import type { Element } from 'domhandler'
import {
  type ComputedStyle,
  FAR_AHEAD_PX,
  FAR_BACK_PX,
  type Inherited,
  LEAST_OPACITY,
  seen
} from './computed-style.ts'
import { behindImage, colourIn } from './css-background.ts'
import { isEmptyClipPath, isEmptyRect, LARGEST_NOTHING_PX } from './css-clip.ts'
import { BLACK, type Colour, over, parseColour, WHITE } from './css-colour.ts'
import { fontSizeToPx, ROOT_FONT_PX, sizeInFont, toPx } from './css-length.ts'
import { filledIn } from './css-variables.ts'
import { isUsual, LINK, PRE, STRUCK, TABLE_PARTS } from './element-defaults.ts'

const SCALING = ['zoom', 'transform', 'scale'] as const

const share = (written: string | undefined): number => {
  if (written === undefined) return 1
  const number = Number.parseFloat(written)
  if (!Number.isFinite(number)) return 1
  return written.endsWith('%') ? number / 100 : number
}

/** Works out one element's look from the values that won for it. */
export class Judge {
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

  look(usual: ComputedStyle['flow']): ComputedStyle | undefined {
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

  #flow(display: string | undefined, usual: ComputedStyle['flow']): ComputedStyle['flow'] {
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

  #isClipped(display: string | undefined, flow: ComputedStyle['flow'], fontPx: number): boolean {
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
