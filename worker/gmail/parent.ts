import type { Mailbox, Message } from './methods.ts'
import { type Envelope, headerValues, readEnvelope } from './read-message.ts'

/** What a reply must repeat of the message that it answers (RFC 5322, section 3.6.4). */
export interface ThreadHeaders {
  readonly threadId: string
  readonly inReplyTo?: string
  readonly references: readonly string[]
}

const MSG_ID = /<[^\s<>]+@[^\s<>]+>/g
/** Longer chains are shortened in the middle: the first and the last ones carry the thread. */
const MAX_REFERENCES = 50

/** The thread headers of an answer to `message`: its ancestors, then itself. */
export function threadHeadersFor(message: Message): ThreadHeaders {
  const own = headerValues(message, 'message-id')[0]?.match(MSG_ID)?.[0]
  const earlier = [
    ...headerValues(message, 'references'),
    ...(headerValues(message, 'references').length > 0 ? [] : headerValues(message, 'in-reply-to'))
  ].flatMap((value) => value.match(MSG_ID) ?? [])
  const chain = [...new Set([...earlier, ...(own ? [own] : [])])]
  const references =
    chain.length > MAX_REFERENCES
      ? [...chain.slice(0, 1), ...chain.slice(1 - MAX_REFERENCES)]
      : chain
  return { threadId: message.threadId ?? '', ...(own && { inReplyTo: own }), references }
}

/** The last message of a thread that is not a draft; undefined when there is none. */
export async function lastOfThread(
  mailbox: Mailbox,
  threadId: string,
  signal: AbortSignal
): Promise<Message | undefined> {
  const thread = await mailbox.call('threads.get', { id: threadId, format: 'metadata' }, signal)
  return thread.messages?.findLast(({ labelIds }) => !labelIds?.includes('DRAFT'))
}

/** The subject of an answer: kept, with one `Re:`. */
export function replySubject(message: Message): string {
  const { subject } = readEnvelope(message)
  return /^re\s*:/i.test(subject) ? subject : `Re: ${subject}`
}

/** The subject of a forwarded message. */
export function forwardSubject(message: Message): string {
  const { subject } = readEnvelope(message)
  return /^(fwd?|wg)\s*:/i.test(subject) ? subject : `Fwd: ${subject}`
}

/** The thread headers that a message has itself, to be kept when it is written anew. */
export function ownThreadHeaders(message: Message): ThreadHeaders {
  const inReplyTo = headerValues(message, 'in-reply-to')[0]?.match(MSG_ID)?.[0]
  const references = headerValues(message, 'references').flatMap((each) => each.match(MSG_ID) ?? [])
  return { threadId: message.threadId ?? '', ...(inReplyTo && { inReplyTo }), references }
}

/** How an answer introduces what it quotes. */
export const attribution = ({ date, from }: Envelope): string =>
  date ? `On ${date.slice(0, 16).replace('T', ' ')} UTC, ${from} wrote:` : `${from} wrote:`
