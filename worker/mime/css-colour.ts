import { color, serializeRGB } from '@csstools/css-color-parser'
import { parseComponentValue } from '@csstools/css-parser-algorithms'
import { tokenize } from '@csstools/css-tokenizer'

/** Red, green and blue from 0 to 255, alpha from 0 to 1. */
export type Colour = readonly [red: number, green: number, blue: number, alpha: number]

/** Fainter text cannot be read; the lightest grey of honest mail, #eee on white, has 1.16. */
export const LEAST_CONTRAST = 1.12

export const BLACK: Colour = [0, 0, 0, 1]
export const WHITE: Colour = [255, 255, 255, 1]

/** System colours (CSS Color 4, section 6.2) as a light screen has them; Outlook writes `windowtext`. */
const SYSTEM: Readonly<Record<string, Colour>> = {
  ...Object.fromEntries(
    [
      'windowtext',
      'canvastext',
      'buttontext',
      'fieldtext',
      'infotext',
      'menutext',
      'captiontext'
    ].map((name) => [name, BLACK])
  ),
  ...Object.fromEntries(['window', 'canvas', 'field', 'menu'].map((name) => [name, WHITE])),
  linktext: [0, 0, 238, 1],
  buttonface: [240, 240, 240, 1],
  graytext: [109, 109, 109, 1],
  highlight: [0, 120, 215, 1],
  highlighttext: WHITE
}
const MAX_COLOUR_CHARS = 300
const MAX_REMEMBERED = 2000
const remembered = new Map<string, Colour | undefined>()

/** A colour in any notation of CSS (CSS Color 4 and 5); undefined for what is none, and for `currentcolor`. */
export function parseColour(written: string): Colour | undefined {
  const text = written.trim().toLowerCase()
  if (text.length > MAX_COLOUR_CHARS) return undefined
  if (remembered.has(text)) return remembered.get(text)
  if (remembered.size >= MAX_REMEMBERED) remembered.clear()
  const found = SYSTEM[text] ?? parseNotation(text)
  remembered.set(text, found)
  return found
}

function parseNotation(text: string): Colour | undefined {
  const value = parseComponentValue(tokenize({ css: text }))
  const data = value && color(value)
  if (!data) return undefined
  const [red, green, blue, alpha = 1] = (
    serializeRGB(data)
      .toString()
      .match(/-?[\d.]+(e-?\d+)?/g) ?? []
  ).map(Number)
  if (red === undefined || green === undefined || blue === undefined) return undefined
  return [red, green, blue, alpha]
}

/** A colour as old attributes have it: `#` may be missing (HTML standard, section 2.3.6). */
export const parseOldColour = (written: string): Colour | undefined =>
  parseColour(written) ??
  (/^\s*[0-9a-f]{3,8}\s*$/i.test(written) ? parseColour(`#${written.trim()}`) : undefined)

/** What `front` looks like before `back`. */
export function over(front: Colour, back: Colour): Colour {
  const [red, green, blue, alpha] = front
  if (alpha >= 1) return front
  const mix = (a: number, b: number) => a * alpha + b * (1 - alpha)
  return [mix(red, back[0]), mix(green, back[1]), mix(blue, back[2]), 1]
}

/** How well two opaque colours can be told apart: from 1, not at all, to 21 (WCAG 2.2, contrast ratio). */
export function contrast(a: Colour, b: Colour): number {
  const [light, dark] = [luminance(a), luminance(b)].toSorted((x, y) => y - x)
  return ((light ?? 0) + 0.05) / ((dark ?? 0) + 0.05)
}

function luminance([red, green, blue]: Colour): number {
  const linear = (channel: number): number => {
    const share = channel / 255
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
  }
  return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
}
