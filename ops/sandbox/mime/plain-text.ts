const ENTITIES: Record<string, string> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  nbsp: ' ',
  '#39': "'",
  ndash: '–',
  mdash: '—',
  hellip: '…',
  euro: '€'
}

/** The words of an HTML page, for snippets and search; hidden ones too, as in Gmail's index. */
export function htmlToText(html: string): string {
  return html
    .replace(/<(script|style|title)\b[^>]*>[\s\S]*?<\/\1\s*>/gi, ' ')
    .replace(/<!--[\s\S]*?-->/g, ' ')
    .replace(/<[^<>]*>/g, ' ')
    .replace(/&(#39|[a-z]+);/gi, (found, name: string) => ENTITIES[name.toLowerCase()] ?? found)
    .replace(/&#(\d{1,6});/g, (_, code: string) => String.fromCodePoint(Number(code)))
    .replace(/\s+/g, ' ')
    .trim()
}
