/** A message that was saved as a file (RFC 5322), whatever its sender calls it. */
import PostalMime, { type Address } from 'postal-mime'
import { readHtml } from '../read-html.ts'
import type { Gathered } from './limits.ts'

const MOST_NAMED = 200
const MAX_HTML_CHARS = 1_000_000

export async function mailText(bytes: Uint8Array, out: Gathered): Promise<void> {
  const mail = await PostalMime.parse(bytes, { maxNestingDepth: 50 })
  out.add(`From: ${mail.from ? named(mail.from) : ''}\n`)
  out.add(`To: ${(mail.to ?? []).slice(0, MOST_NAMED).map(named).join(', ')}\n`)
  out.add(`Subject: ${mail.subject ?? ''}\nDate: ${mail.date ?? 'unknown'}\n\n`)
  const html = mail.html?.slice(0, MAX_HTML_CHARS)
  out.add(mail.text ?? (html ? readHtml(html, { html: false, wholeLinks: true }).text : ''))
  const files = mail.attachments.slice(0, MOST_NAMED)
  if (files.length > 0)
    out.add(
      `\n\nFiles inside:\n${files.map(({ filename, mimeType }) => `- ${filename ?? 'unnamed'} (${mimeType})`).join('\n')}`
    )
}

const named = (address: Address): string =>
  address.group ? address.name : `${address.name} <${address.address ?? ''}>`.trim()
