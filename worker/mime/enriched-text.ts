/** The text of `text/enriched` (RFC 1896) or `text/richtext` (RFC 1341): without its commands, lines joined as it says. */
export function enrichedText(source: string): string {
  return source
    .replace(/\r\n/g, '\n')
    .replace(/<param>[^<]{0,10000}<\/param>/gi, '')
    .replace(/(\n+)/g, (ends) => (ends.length === 1 ? ' ' : ends.slice(1)))
    .replace(
      /<<|<(\/?)([a-z0-9-]{1,60})>/gi,
      (mark, _slash: string, command: string | undefined) =>
        mark === '<<' ? '<' : command?.toLowerCase() === 'nl' ? '\n' : ''
    )
}
