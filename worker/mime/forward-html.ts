import postcss, { type Container } from 'postcss'
import sanitizeHtml from 'sanitize-html'

/** HTML of a message, fit to be sent on inside another one. */
export interface ForwardedHtml {
  /** One `div` with all that the original shows: tables, links, styles, pictures; nothing that runs or asks for input. */
  readonly html: string
  /** The style sheets of the original, which reach into that `div` and nowhere else. May be empty. */
  readonly css: string
}

const WRAPPER = 'forwarded-mail'
const MAX_HTML_CHARS = 4_000_000
const MAX_CSS_CHARS = 300_000
const MAX_DEPTH = 300
const STYLE_SHEET = /<style\b[^>]*>(.*?)<\/style\s*>/gis
/** What would let the original be drawn over the words of the person who sends it on, or run in old programs. */
const UNFIT_PROPERTY = /^(position|behavior|-moz-binding|z-index)$/i
const UNFIT_VALUE = /expression\s*\(|javascript:|vbscript:|data:text/i
const LOOKS = ['style', 'class', 'id', 'dir', 'lang', 'align', 'valign', 'width', 'height', 'title']
const NON_TEXT = ['script', 'style', 'title', 'textarea', 'option', 'xmp', 'iframe', 'object']

/** Makes the HTML of a message fit to be forwarded. Throws a RangeError when there is too much of it. */
export function forwardHtml(source: string): ForwardedHtml {
  if (source.length > MAX_HTML_CHARS) throw new RangeError('The HTML is too long.')
  const sheets = [...source.matchAll(STYLE_SHEET)].map(([, sheet = '']) => sheet)
  return {
    html: `<div class="${WRAPPER}">${sanitize(source)}</div>`,
    css: sheets.map(scoped).join('\n').trim()
  }
}

function sanitize(html: string): string {
  return sanitizeHtml(html, {
    allowedTags: [
      ...sanitizeHtml.defaults.allowedTags,
      ...['img', 'center', 'font', 'big', 'tt', 'strike', 'del', 'ins', 'details', 'summary']
    ],
    allowedAttributes: {
      '*': [...LOOKS, 'bgcolor', 'background', 'border', 'color', 'role', 'aria-label'],
      a: ['href', 'name', 'target'],
      img: ['src', 'alt', 'hspace', 'vspace'],
      table: ['cellpadding', 'cellspacing', 'frame', 'rules', 'summary'],
      ...Object.fromEntries(
        ['td', 'th'].map((cell) => [cell, ['colspan', 'rowspan', 'nowrap', 'headers', 'scope']])
      ),
      ...Object.fromEntries(['col', 'colgroup'].map((column) => [column, ['span']])),
      ...{ font: ['face', 'size'], ol: ['start', 'type', 'reversed'], ul: ['type'] },
      ...{ li: ['value', 'type'], blockquote: ['type', 'cite'], hr: ['size', 'noshade'] },
      ...{ bdo: ['dir'], time: ['datetime'], details: ['open'] }
    },
    allowedSchemes: ['http', 'https', 'mailto', 'tel', 'sms'],
    allowedSchemesByTag: {
      img: ['http', 'https', 'cid', 'data'],
      ...Object.fromEntries(
        ['table', 'tr', 'td', 'th', 'div'].map((tag) => [tag, ['http', 'https', 'cid']])
      )
    },
    allowedSchemesAppliedToAttributes: ['href', 'src', 'cite', 'background'],
    parseStyleAttributes: false,
    nonTextTags: NON_TEXT,
    nestingLimit: MAX_DEPTH,
    transformTags: {
      // What stands on the body is the look of the whole.
      body: (_, { onload: __, ...attribs }) => ({ tagName: 'div', attribs: fit(attribs) }),
      '*': (tagName, attribs) => ({ tagName, attribs: fit(attribs) })
    }
  })
}

function fit({ src, style, ...attribs }: sanitizeHtml.Attributes): sanitizeHtml.Attributes {
  const isPicture = src !== undefined && (!/^\s*data:/i.test(src) || /^data:image\//i.test(src))
  return {
    ...attribs,
    ...(isPicture && { src }),
    ...(style !== undefined && { style: fitStyle(style) })
  }
}

/** Only whole declarations are left out, so what has a semicolon of its own stays as it is. */
const fitStyle = (style: string): string =>
  style
    .split(';')
    .filter((declaration) => {
      const [property = '', ...value] = declaration.replace(/\/\*.*?\*\/|\\/gs, '').split(':')
      return !UNFIT_PROPERTY.test(property.trim()) && !UNFIT_VALUE.test(value.join(':'))
    })
    .join(';')

/** A style sheet whose every rule is for what is inside the wrapper. One that cannot be read is left out. */
function scoped(css: string): string {
  try {
    const root = postcss.parse(css.slice(0, MAX_CSS_CHARS).replace(/<!--|-->/g, ''), { map: false })
    keepFit(root)
    return root.toString().replaceAll('</', '')
  } catch {
    return ''
  }
}

/** Animations, fonts and further sheets have names or addresses that hold everywhere. */
function keepFit(container: Container): void {
  for (const node of [...(container.nodes ?? [])]) {
    if (node.type === 'rule') {
      node.selectors = node.selectors.map(inWrapper)
      keepFit(node)
    } else if (node.type === 'atrule' && /^(media|supports)$/i.test(node.name)) keepFit(node)
    else if (node.type === 'decl') {
      const isUnfit = UNFIT_PROPERTY.test(node.prop.replaceAll('\\', ''))
      if (isUnfit || UNFIT_VALUE.test(node.value.replaceAll('\\', ''))) node.remove()
    } else node.remove()
  }
}

function inWrapper(selector: string): string {
  const inner = selector.replace(/^((html|body|:root)\b[^\s>+~]*\s*[>\s]?\s*)+/i, '').trim()
  return inner === '' ? `.${WRAPPER}` : `.${WRAPPER} ${inner.replace(/^[>+~&]+\s*/, '')}`
}
