import type { LabelChange } from './held-messages.ts'
import type { GmailMethod, GmailMethods, Message } from './mailbox.ts'

/** What is held of a mailbox, as far as calls change it. */
export interface Held {
  /** A message was made. */
  join(message: Message): void
  relabel(ids: readonly string[], change: LabelChange): void
  relabelThread(id: string, change: LabelChange): void
  dropAll(ids: Iterable<string>): void
  dropThread(id: string): void
}

/** What a call that succeeded changes, before the history of the mailbox tells of it. */
type After = {
  [M in GmailMethod]?: (held: Held, params: GmailMethods[M][0], answer: GmailMethods[M][1]) => void
}

/** By method. */
export const AFTER: After = {
  'messages.send': (held, _, message) => held.join(message),
  'drafts.create': (held, _, { message }) => held.join(message ?? {}),
  'messages.modify': (held, { id, requestBody }) => held.relabel([id], requestBody),
  'messages.batchModify': (held, { requestBody }) => held.relabel(requestBody.ids, requestBody),
  'messages.trash': (held, { id }) => held.dropAll([id]),
  'messages.untrash': (held, { id }) => held.dropAll([id]),
  'messages.delete': (held, { id }) => held.dropAll([id]),
  'messages.batchDelete': (held, { requestBody }) => held.dropAll(requestBody.ids),
  'threads.modify': (held, { id, requestBody }) => held.relabelThread(id, requestBody),
  'threads.trash': (held, { id }) => held.dropThread(id),
  'threads.untrash': (held, { id }) => held.dropThread(id),
  'drafts.update': (held, _, { message }) => held.dropThread(message?.threadId ?? ''),
  'drafts.send': (held, _, { threadId }) => held.dropThread(threadId ?? '')
}
