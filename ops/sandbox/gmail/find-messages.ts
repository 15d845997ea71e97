import { GoogleError, invalid } from '../google-error.ts'
import type { StoredMessage } from '../mailbox/stored-message.ts'
import { compileSearch } from '../search/compile.ts'
import type { GmailContext } from './method.ts'
import { METADATA } from './scopes.ts'

/** What the three lists of messages, threads and drafts can be asked. */
export interface ListQuery {
  readonly q?: string | undefined
  readonly labelIds?: readonly string[]
  readonly includeSpamTrash: boolean
}

/** The messages that fit, newest first. Spam and trash only when asked for in one of Gmail's ways. */
export function findMessages(
  { mailbox, scopes, now }: GmailContext,
  { q = '', labelIds = [], includeSpamTrash }: ListQuery
): StoredMessage[] {
  if (q !== '' && scopes.has(METADATA)) {
    throw new GoogleError('forbidden', "Metadata scope does not support 'q' parameter")
  }
  for (const id of labelIds) if (!mailbox.labels.has(id)) throw invalid(`Invalid label: ${id}`)
  const search = compileSearch(q, mailbox, now)
  const reachesAll =
    includeSpamTrash ||
    search.reachesSpamTrash ||
    labelIds.some((id) => id === 'SPAM' || id === 'TRASH')
  const isHidden = ({ labelIds: own }: StoredMessage) =>
    !reachesAll && (own.has('SPAM') || own.has('TRASH'))
  return (search.candidates ?? mailbox.messages).filter(
    (message) =>
      !isHidden(message) &&
      labelIds.every((id) => message.labelIds.has(id)) &&
      search.matches(message)
  )
}
