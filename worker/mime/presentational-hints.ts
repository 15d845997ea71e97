import type { Element } from 'domhandler'
import { parseOldColour } from './css-colour.ts'
import { oldFontSizeToPx } from './css-length.ts'

export const NO_HINTS: ReadonlyMap<string, string> = new Map()

/** Old attributes that say how things look (HTML standard, section 15.3). */
export function hintsOf({ name, attribs }: Element): ReadonlyMap<string, string> {
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
