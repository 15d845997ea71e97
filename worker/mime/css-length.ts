import { calc } from '@csstools/css-calc'

/** The screen that a mail is judged for: an ordinary one of a desktop, in CSS pixels. */
export const SCREEN = { width: 1024, height: 768 } as const
export const ROOT_FONT_PX = 16

const PX_PER_UNIT: Readonly<Record<string, number>> = {
  '': 1, // without a unit, as in mail without a doctype (Quirks Mode standard, section 3.2)
  px: 1,
  pt: 96 / 72,
  pc: 16,
  in: 96,
  cm: 96 / 2.54,
  mm: 96 / 25.4,
  q: 96 / 101.6,
  rem: ROOT_FONT_PX,
  vw: SCREEN.width / 100,
  vh: SCREEN.height / 100,
  vmin: SCREEN.height / 100,
  vmax: SCREEN.width / 100,
  vi: SCREEN.width / 100,
  vb: SCREEN.height / 100
}
const PER_FONT: Readonly<Record<string, number>> = {
  em: 1,
  ex: 0.5,
  ch: 0.5,
  lh: 1.2,
  cap: 0.7,
  ic: 1
}
const NUMBER = /^([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)([a-z%]*)$/
const MAX_CALC_CHARS = 200

/** A length in CSS pixels. `whole` is what a percentage is of; without it only 0% is known. Undefined: not known. */
export function toPx(written: string, fontPx: number, whole?: number): number | undefined {
  const text = written.includes('(') ? calculated(written) : written
  const [, digits, unit = ''] = NUMBER.exec(text) ?? []
  if (digits === undefined) return undefined
  const number = Number(digits)
  if (number === 0) return 0
  if (unit === '%') return whole === undefined ? undefined : (number / 100) * whole
  const perFont = PER_FONT[unit]
  if (perFont !== undefined) return number * perFont * fontPx
  const px = PX_PER_UNIT[unit.replace(/^[sld](?=v)/, '')]
  return px === undefined ? undefined : number * px
}

/** `calc()`, `min()` and their like, when they can be worked out by themselves. */
const calculated = (written: string): string =>
  written.length > MAX_CALC_CHARS ? written : calc(written).trim().toLowerCase()

const KEYWORDS: Readonly<Record<string, number>> = {
  'xx-small': 9,
  'x-small': 10,
  small: 13,
  medium: 16,
  large: 18,
  'x-large': 24,
  'xx-large': 32,
  'xxx-large': 48
}

/** A font size in CSS pixels (CSS Fonts 4, section 2.5). Undefined for what is none. */
export function fontSizeToPx(written: string, parentPx: number): number | undefined {
  const size =
    KEYWORDS[written] ??
    { smaller: parentPx / 1.2, larger: parentPx * 1.2 }[written] ??
    toPx(written, parentPx, parentPx)
  return size === undefined || size < 0 ? undefined : size
}

/** The size in a `font` shorthand (CSS Fonts 4, section 2.7): what stands before the slash or the family. */
export const sizeInFont = (font: string): string | undefined =>
  /(?:^|\s)(0|[+]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?(?:[a-z]+|%)|(?:x{1,3}-)?(?:small|large)|medium|smaller|larger|(?:calc|min|max|clamp)\([^/]*\))(?=\s*\/|\s)/.exec(
    font
  )?.[1]

/** Sizes of `<font size>`: 1 to 7, or steps from 3. */
export function oldFontSizeToPx(written: string): number | undefined {
  const [, sign, digits] = /^\s*([+-]?)(\d{1,3})/.exec(written) ?? []
  if (digits === undefined) return undefined
  const step = sign ? 3 + Number(`${sign}${digits}`) : Number(digits)
  return [10, 13, 16, 18, 24, 32, 48][Math.min(7, Math.max(1, step)) - 1]
}
