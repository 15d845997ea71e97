import type { CssNode, MediaQuery, MediaQueryList } from 'css-tree'
import parse from 'css-tree/parser'
import { SCREEN, toPx } from './css-length.ts'

const FONT_PX = 16
/** What is asked for by name, as a light desktop screen with a mouse has it (Media Queries 5). */
const KEYWORDS: Readonly<Record<string, string>> = {
  orientation: 'landscape',
  hover: 'hover',
  'any-hover': 'hover',
  pointer: 'fine',
  'any-pointer': 'fine',
  'prefers-color-scheme': 'light',
  'prefers-reduced-motion': 'no-preference',
  'prefers-contrast': 'no-preference',
  'forced-colors': 'none',
  'inverted-colors': 'none',
  'display-mode': 'browser',
  scripting: 'none',
  update: 'fast',
  'overflow-block': 'scroll',
  'overflow-inline': 'scroll',
  'color-gamut': 'srgb',
  'dynamic-range': 'standard',
  scan: 'progressive'
}
const NUMBERS: Readonly<Record<string, number>> = {
  width: SCREEN.width,
  height: SCREEN.height,
  'device-width': SCREEN.width,
  'device-height': SCREEN.height,
  color: 8,
  'color-index': 0,
  monochrome: 0,
  grid: 0,
  resolution: 1,
  'aspect-ratio': SCREEN.width / SCREEN.height,
  'device-aspect-ratio': SCREEN.width / SCREEN.height,
  '-webkit-device-pixel-ratio': 1,
  '-webkit-transform-3d': 1
}

/** Whether a list of media queries (Media Queries 4) holds for that screen. What is not known does not. */
export function holdsOnScreen(list: CssNode | null): boolean {
  if (list === null) return true
  if (list.type === 'MediaQueryList') return listHolds(list)
  if (list.type === 'AtrulePrelude') return list.children.some(holdsOnScreen)
  return false
}

/** The same for the `media` attribute of a `<style>`. */
export function mediaAttributeHolds(media: string | undefined): boolean {
  if (media === undefined || media.trim() === '') return true
  return holdsOnScreen(parse(media, { context: 'mediaQueryList' }))
}

const listHolds = (list: MediaQueryList): boolean =>
  list.children.isEmpty ||
  list.children.some((query) => query.type === 'MediaQuery' && queryHolds(query))

function queryHolds({ modifier, mediaType, condition }: MediaQuery): boolean {
  const isType = mediaType === null || /^(all|screen)$/i.test(mediaType)
  const holds = isType && (condition === null || nodeHolds(condition))
  return modifier?.toLowerCase() === 'not' ? !holds : holds
}

function nodeHolds(node: CssNode): boolean {
  switch (node.type) {
    case 'Condition': {
      const words = node.children.toArray()
      const isNot = isWord(words[0], 'not')
      const results = words.filter(({ type }) => type !== 'Identifier').map(nodeHolds)
      if (isNot) return !results[0]
      const isOr = words.some((each) => isWord(each, 'or'))
      return isOr ? results.some(Boolean) : results.every(Boolean)
    }
    case 'Feature':
      return featureHolds(node.name.toLowerCase(), node.value)
    case 'FeatureRange': {
      const name = node.middle.type === 'Identifier' ? node.middle : node.left
      if (name.type !== 'Identifier') return false
      const actual = NUMBERS[name.name.toLowerCase()]
      if (actual === undefined) return false
      // Either `width >= 600px`, or `600px <= width < 900px`.
      if (name === node.left) return compare(actual, node.leftComparison, amount(node.middle))
      const isRight =
        node.right === null ||
        node.rightComparison === null ||
        compare(actual, node.rightComparison, amount(node.right))
      return isRight && compare(amount(node.left), node.leftComparison, actual)
    }
    default:
      return false
  }
}

const isWord = (node: CssNode | undefined, word: string): boolean =>
  node?.type === 'Identifier' && node.name.toLowerCase() === word

function featureHolds(written: string, value: CssNode | null): boolean {
  const [, prefix = '', bound, rest = ''] = /^(-webkit-)?(?:(min|max)-)?(.*)$/.exec(written) ?? []
  const name = `${prefix}${rest}`
  const actual = NUMBERS[name]
  if (actual === undefined)
    return bound === undefined && value?.type === 'Identifier'
      ? KEYWORDS[name] === value.name.toLowerCase()
      : value === null && KEYWORDS[name] !== undefined && KEYWORDS[name] !== 'none'
  if (value === null) return actual !== 0
  const asked = amount(value)
  if (bound === 'min') return actual >= asked
  return bound === 'max' ? actual <= asked : actual === asked
}

/** Pixels, dots per pixel, or a plain number; NaN for anything else, which holds for nothing. */
function amount(node: CssNode): number {
  switch (node.type) {
    case 'Number':
      return Number(node.value)
    case 'Ratio':
      return amount(node.left) / (node.right === null ? 1 : amount(node.right))
    case 'Dimension': {
      const unit = node.unit.toLowerCase()
      const dots = { dppx: 1, x: 1, dpi: 1 / 96, dpcm: 2.54 / 96 }[unit]
      if (dots !== undefined) return Number(node.value) * dots
      return toPx(`${node.value}${unit}`, FONT_PX) ?? Number.NaN
    }
    default:
      return Number.NaN
  }
}

function compare(left: number, comparison: string, right: number): boolean {
  switch (comparison) {
    case '<':
      return left < right
    case '<=':
      return left <= right
    case '>':
      return left > right
    case '>=':
      return left >= right
    default:
      return left === right
  }
}
