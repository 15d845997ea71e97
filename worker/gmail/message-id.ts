import { ToolError } from '#shared/tool-error.ts'
import type { Mailbox } from './mailbox.ts'

const GMAIL_ID = /^[0-9a-f]{1,32}$/i
/** A Message-ID of any shape in its brackets, or one of RFC 5322 without them. */
const MESSAGE_ID = /^(<[^<>"]+>|[^\s<>"(){}]+@[^\s<>"(){}]+)$/

/**
 * Gmail's id for a message that was named by it, or by its `Message-ID` header. Throws `invalid_argument` for what is
 * neither, `not_found` when no message has this header.
 */
export async function resolveMessageId(
  mailbox: Mailbox,
  given: string,
  signal: AbortSignal
): Promise<string> {
  const id = given.trim()
  if (GMAIL_ID.test(id)) return id.toLowerCase()
  if (!MESSAGE_ID.test(id))
    throw new ToolError(
      'invalid_argument',
      'messageId is neither a Gmail message id, as search_emails returns it, nor an RFC Message-ID (<...@...>).'
    )
  const found = await findByMessageId(mailbox, id, signal)
  if (!found) throw new ToolError('not_found', 'No message of this mailbox has this Message-ID.')
  return found.id
}

/**
 * The message with this `Message-ID` header, anywhere in the mailbox or among the sent ones; none has an empty one: a
 * search without a term finds anything.
 */
export async function findByMessageId(
  mailbox: Mailbox,
  messageId: string,
  signal: AbortSignal,
  place: 'anywhere' | 'sent' = 'anywhere'
): Promise<{ id: string; threadId: string } | undefined> {
  if (messageId.replace(/[<>\s]/g, '') === '') return undefined
  const { messages } = await mailbox.call(
    'messages.list',
    {
      q: `${place === 'sent' ? 'in:sent ' : ''}${searchFor(messageId)}`,
      includeSpamTrash: true,
      maxResults: 1
    },
    signal
  )
  const first = messages?.[0]
  return first?.id ? { id: first.id, threadId: first.threadId ?? '' } : undefined
}

/** Gmail's search for a message by its `Message-ID` header. */
export function searchFor(messageId: string): string {
  const id = messageId.replace(/^<|>$/g, '')
  return `rfc822msgid:${/[\s(){}]/.test(id) ? `"${id}"` : id}` // blanks and brackets would end the term
}
