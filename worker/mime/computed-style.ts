import { BLACK, type Colour, contrast, LEAST_CONTRAST, over, WHITE } from './css-colour.ts'
import { ROOT_FONT_PX } from './css-length.ts'

/** How text directly in an element looks on a screen, and how it flows. */
export interface ComputedStyle {
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
export interface Inherited {
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
export const PLAIN: ComputedStyle = {
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
export const LEAST_OPACITY = 0.05

/** Further away is outside of every screen; scrolling to the left or up leads nowhere. */
export const FAR_BACK_PX = -300
export const FAR_AHEAD_PX = 5000

/** The look that comes of this. */
export function seen(inner: Inherited, flow: ComputedStyle['flow']): ComputedStyle {
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
