import { type Colour, contrast, LEAST_CONTRAST, over, parseColour, WHITE } from './css-colour.ts'

/** The colour in a background: the last word of it that is one. */
export function colourIn(
  background: string | undefined,
  current: Colour | undefined
): Colour | undefined {
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
export function behindImage(image: string, plain: Colour | undefined): Colour | undefined {
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
