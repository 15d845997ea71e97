import type { gmail_v1 } from 'googleapis/build/src/apis/gmail/v1.js'
import { compileSearch } from '../search/compile.ts'
import type { Mailbox } from './mailbox.ts'
import type { StoredMessage } from './stored-message.ts'

/** Does what the mailbox's filters say about a message that has just arrived; `now` in milliseconds. */
export function applyFilters(mailbox: Mailbox, message: StoredMessage, now: number): void {
  for (const { criteria, action } of mailbox.filters) {
    const search = compileSearch(toQuery(criteria ?? {}), mailbox, now)
    if (!search.matches(message) || !fitsSize(criteria ?? {}, message)) continue
    mailbox.relabel(message, action?.addLabelIds ?? [], action?.removeLabelIds ?? [])
  }
}

function toQuery(criteria: gmail_v1.Schema$FilterCriteria): string {
  const { from, to, subject, query, negatedQuery, hasAttachment } = criteria
  const terms = [
    from && `from:(${from})`,
    to && `to:(${to})`,
    subject && `subject:(${subject})`,
    query && `(${query})`,
    negatedQuery && `-(${negatedQuery})`,
    hasAttachment && 'has:attachment'
  ]
  return terms.filter(Boolean).join(' ')
}

function fitsSize(
  { size, sizeComparison }: gmail_v1.Schema$FilterCriteria,
  { mail }: StoredMessage
): boolean {
  if (!size || !sizeComparison || sizeComparison === 'unspecified') return true
  return sizeComparison === 'larger' ? mail.raw.length > size : mail.raw.length < size
}
