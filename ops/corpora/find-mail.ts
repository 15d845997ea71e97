import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Programs and their documents, which hold examples of headers. */
const NO_MAIL =
  /\.(c|cc|cmake|cpp|css|el|gif|go|gz|h|html?|inc|jpe?g|js|json|less|md|mo|php|pl|pm|png|po|pot|py|rb|rst|sh|svg|t|ts|xml|ya?ml)$/i
const KNOWN =
  /^(cc|content-type|date|delivered-to|from|message-id|mime-version|received|reply-to|return-path|sender|subject|to)[ \t]*:/i
const MAX_BYTES = 5_000_000

/** The files below `directory` that are one message each, by path; of equal ones the first. */
export function findMail(directory: string): string[] {
  const seen = new Set<string>()
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !NO_MAIL.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted()
    .filter((path) => {
      const content = readFileSync(path)
      if (content.length > MAX_BYTES || !isMail(content.toString('latin1'))) return false
      const hash = createHash('sha256').update(content).digest('hex')
      const isNew = !seen.has(hash)
      seen.add(hash)
      return isNew
    })
}

/** Whether a text begins with a header block (after the line of an mbox) that has two of the fields that mail has. */
function isMail(text: string): boolean {
  const [head = ''] = text.replace(/^From [^\n]*\n/, '').split(/\r?\n\r?\n/, 1)
  const lines = head.replace(/\r?\n[ \t]+/g, ' ').split(/\r?\n/)
  return (
    /^[!-9;-~]+[ \t]*:/.test(lines[0] ?? '') && lines.filter((each) => KNOWN.test(each)).length >= 2
  )
}
