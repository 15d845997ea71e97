import type { Mail } from '../mime/mail.ts'
import type { StoredMessage } from './stored-message.ts'

export interface Threads {
  messagesOf(threadId: string): readonly StoredMessage[]
  byMessageId(messageId: string): readonly StoredMessage[]
}

/**
 * The thread that a message belongs to; undefined when it begins one. Both must be so: it refers to a message
 * of the thread (References or In-Reply-To) and its subject is the same. A `wanted` thread gets no exemption.
 */
export function findThread(
  mail: Mail,
  threads: Threads,
  wanted: string | undefined
): string | undefined {
  const subject = baseSubject(mail.subject)
  const answered = mail.references.flatMap((id) => threads.byMessageId(id)).toReversed()
  const fitting = answered.filter(({ mail: other }) => baseSubject(other.subject) === subject)
  const chosen = wanted === undefined ? fitting[0] : fitting.find((m) => m.threadId === wanted)
  return chosen?.threadId
}

const baseSubject = (subject: string) =>
  subject
    .replace(/^\s*((re|fwd?|aw|sv|wg)\s*(\[\d+\])?:\s*)+/i, '')
    .replace(/\s+/g, ' ')
    .trim()
    .toLowerCase()
