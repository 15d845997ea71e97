import { invalid, notFound } from '../google-error.ts'
import type { Mailbox } from '../mailbox/mailbox.ts'
import { isMessageId } from '../mailbox/message-ids.ts'
import type { StoredMessage } from '../mailbox/stored-message.ts'

/** The message of a path's id. A text that cannot be an id is 400, an unknown id 404, as at Google. */
export function findMessage(mailbox: Mailbox, id: string | undefined): StoredMessage {
  if (id === undefined || !isMessageId(id)) throw invalid('Invalid id value')
  const message = mailbox.message(id)
  if (!message) throw notFound()
  return message
}

/** The messages of a thread, oldest first; the same refusals. */
export function findThread(mailbox: Mailbox, id: string | undefined): readonly StoredMessage[] {
  if (id === undefined || !isMessageId(id)) throw invalid('Invalid id value')
  const messages = mailbox.messagesOf(id)
  if (messages.length === 0) throw notFound()
  return messages
}
