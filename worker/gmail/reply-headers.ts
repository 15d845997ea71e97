import { ToolError } from '#shared/tool-error.ts'
import type { Mailbox, Message, Thread } from './mailbox.ts'
import { type Envelope, headerValues, readEnvelope } from './read-message.ts'

/** What a reply must repeat of the message that it answers (RFC 5322, section 3.6.4). */
export interface ThreadHeaders {
  readonly threadId: string
  readonly inReplyTo?: string
  readonly references: readonly string[]
}

/** Longer chains are shortened in the middle: the first and the last ones carry the thread. */
const MAX_REFERENCES = 50
/** A line has at most 998 characters (RFC 5322, section 2.1.1), and an id cannot be folded. */
const MAX_ID_CHARS = 900

/** The thread headers of an answer to `message`: its ancestors, then itself. */
export function threadHeadersFor(message: Message): ThreadHeaders {
  const [own] = idsIn(headerValues(message, 'message-id').slice(0, 1))
  const references = headerValues(message, 'references')
  const earlier = idsIn(references.length > 0 ? references : headerValues(message, 'in-reply-to'))
  return {
    threadId: message.threadId ?? '',
    ...(own && { inReplyTo: own }),
    references: shortened([...new Set([...earlier, ...(own ? [own] : [])])])
  }
}

/**
 * Message-IDs as they are written: they are compared letter by letter, whatever their shape. Left out is what no header
 * can repeat.
 */
function idsIn(values: readonly string[]): string[] {
  const ids = values.flatMap((value) => value.match(/<[^<>]+>/g) ?? value.split(/\s+/))
  return ids.filter((id) => id.length <= MAX_ID_CHARS && /^[\x20-\x7e]+$/.test(id))
}

const shortened = (chain: readonly string[]): readonly string[] =>
  chain.length > MAX_REFERENCES ? [...chain.slice(0, 1), ...chain.slice(1 - MAX_REFERENCES)] : chain

/** The last message of a thread that a new one can answer; undefined when there are only drafts. */
export async function lastOfThread(
  mailbox: Mailbox,
  threadId: string,
  signal: AbortSignal
): Promise<Message | undefined> {
  const thread = await mailbox.call('threads.get', { id: threadId, format: 'metadata' }, signal)
  return lastMessage(thread)
}

/** Throws `invalid_argument` for a message that was not sent, and that nobody can answer. */
export function refuseDraft({ labelIds }: Message): void {
  if (labelIds?.includes('DRAFT'))
    throw new ToolError(
      'invalid_argument',
      'This message is a draft that was not sent: use update_draft or send_draft.'
    )
}

/** The last message that is neither a draft nor thrown away, else the last one in the bin or in spam. */
export function lastMessage({ messages = [] }: Thread): Message | undefined {
  const sent = messages.filter(({ labelIds }) => !labelIds?.includes('DRAFT'))
  const isGone = ({ labelIds }: Message) => labelIds?.some((id) => id === 'TRASH' || id === 'SPAM')
  return sent.findLast((message) => !isGone(message)) ?? sent.at(-1)
}

/**
 * Prefixes that say "answer" and "forwarded" in the languages of the most used mail programs (a list is
 * en.wikipedia.org/wiki/List_of_email_subject_abbreviations), with the counters that some add: `Re[2]:`, `RE^3:`.
 */
const REPLY = prefixOf(
  're|r|aw|antw|sv|vs|réf?|rép|ref|rif|res|odp|odg|ynt|ang|vá|bls|balas|trả lời|tl|atb|ats|השב|תשובה|رد|απ|σχετ|отв?|回复|回覆|答复|答覆|返信|回信'
)
const FORWARD = prefixOf(
  'fwd?|wg|tr|rv|doorst|vb|vl|i|fs|továbbítás|pd|enc|ilt|προωθ|пересл|转发|轉寄|転送'
)

function prefixOf(words: string): RegExp {
  return new RegExp(`^(${words})\\s*(\\[\\d+\\]|\\^\\d+|\\(\\d+\\))?\\s*[:\uff1a]`, 'iu')
}

/** The subject of an answer: kept, with one prefix that says so. */
export function replySubject(message: Message): string {
  const { subject } = readEnvelope(message)
  return isReplySubject(subject) ? subject : `Re: ${subject}`
}

/** Whether a subject says that the message answers another one. */
export const isReplySubject = (subject: string): boolean => REPLY.test(subject)

/** The subject of a forwarded message. */
export function forwardSubject(message: Message): string {
  const { subject } = readEnvelope(message)
  return isForwardSubject(subject) ? subject : `Fwd: ${subject}`
}

/** Whether a subject says that the message sends on another one. */
export const isForwardSubject = (subject: string): boolean => FORWARD.test(subject)

/** How an answer introduces what it quotes. */
export const attribution = ({ date, from }: Envelope): string =>
  date ? `On ${date.slice(0, 16).replace('T', ' ')} UTC, ${from} wrote:` : `${from} wrote:`
