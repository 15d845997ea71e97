/**
 * The address of a link as programs read it (URL standard, section 4.4): line ends are nothing, blanks within are `%20`. In
 * telephone numbers they say nothing.
 */
export function addressOf(written: string): string {
  const href = written.trim().replace(/[\t\n\r]+/g, '')
  return /^(tel|sms):/i.test(href)
    ? href.replace(/\s/g, '')
    : href.replace(/\s/g, encodeURIComponent)
}

/** Whether the words of a link are its address, as people write it. */
export function isSameAsAddress(words: string, href: string): boolean {
  const bare = (text: string) =>
    text
      .toLowerCase()
      .replace(/^(https?:\/\/|mailto:|tel:|sms:)/, '')
      .replace(/[\s/]+$/, '')
  const plain = bare(href)
  const said = bare(words)
  return (
    said === plain ||
    said === plain.replace(/^www\./, '') ||
    digits(said, href) === digits(plain, href)
  )
}

/** Telephone numbers are the same whatever parts their digits. */
const digits = (text: string, href: string): string =>
  /^tel:/i.test(href) ? text.replace(/[^\d+]/g, '') : `${text}|`
