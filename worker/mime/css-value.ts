import { parseColour } from './css-colour.ts'
import { fontSizeToPx, sizeInFont, toPx } from './css-length.ts'

const WIDE = /^(inherit|initial|unset|revert|revert-layer)$/
const DISPLAY =
  /^(none|contents|block|inline|list-item|flow-root|flex|grid|ruby|table|run-in|math|inline-(block|flex|grid|table)|table-(caption|cell|column|column-group|footer-group|header-group|row|row-group)|ruby-(base|text)(-container)?|-(webkit|moz|ms)-[a-z-]+|(block|inline|run-in) (flow|flow-root|table|flex|grid|ruby)|(flow|flow-root|table|flex|grid|ruby) (block|inline|run-in))$/
const SYSTEM_FONT = /^(caption|icon|menu|message-box|small-caption|status-bar)$/
const LENGTHS: ReadonlySet<string> = new Set([
  ...['text-indent', 'left', 'right', 'top', 'bottom', 'margin-left', 'margin-top'],
  ...['width', 'height', 'max-width', 'max-height']
])

/**
 * Whether a browser would take this as a value of the property: what it does not understand is as if it were not
 * there (CSS Syntax 3, section 2.2), and an earlier declaration holds. `shorthand` is the property as it was written.
 */
export function isValue(property: string, value: string, shorthand: string): boolean {
  if (value === '') return property.startsWith('--')
  if (value.includes('var(') || WIDE.test(value)) return true
  switch (property) {
    case 'display':
      return DISPLAY.test(value)
    case 'visibility':
      return /^(visible|hidden|collapse)$/.test(value)
    case 'opacity':
    case 'zoom':
      return /^([+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?%?|normal|reset|calc\(.*\))$/.test(value)
    case 'color':
    case '-webkit-text-fill-color':
      return isColour(value)
    case 'background-color':
      return shorthand === 'background' || isColour(value)
    case 'font-size':
      if (value.startsWith('font ')) return sizeInFont(value.slice(5)) !== undefined
      return (
        fontSizeToPx(value, 16) !== undefined || (shorthand === 'font' && SYSTEM_FONT.test(value))
      )
    default:
      return (
        !LENGTHS.has(property) || toPx(value, 16, 100) !== undefined || /^[a-z-]+(\(|$)/.test(value)
      )
  }
}

const isColour = (value: string): boolean =>
  value === 'currentcolor' || parseColour(value) !== undefined
