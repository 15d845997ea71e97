/** Struck-out words say what no longer holds. */
export const struck = (text: string): string =>
  text.trim() === '' ? text : text.replace(/^(\s*)(.*?)(\s*)$/s, '$1~~$2~~$3')

/** Lines with the mark of a quote (RFC 3676, section 4.5). */
export const quoted = (text: string): string =>
  text
    .split('\n')
    .map((line) => (line.startsWith('>') ? `>${line}` : `> ${line}`.trimEnd()))
    .join('\n')

/** Lines further in. */
export const indented = (text: string, by: string): string =>
  text === '' ? '' : by + text.replaceAll('\n', `\n${by}`)

/** An item of a list, its lines below each other behind its mark. */
export const item = (mark: string, text: string): string =>
  mark.trimEnd() + indented(text, ' '.repeat(mark.length)).slice(mark.trimEnd().length)
