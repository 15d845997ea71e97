import { cleanLine } from '../mime/clean-text.ts'
import { decodeEncodedWords } from '../mime/encoded-words.ts'
import { type AddressEntry, readAddresses } from './addresses.ts'
import { isNamed } from './attachment.ts'
import { confusable } from './confusables.ts'
import { parseDateHeader } from './date-header.ts'
import type { Message, MessagePart } from './mailbox.ts'

/** A message's envelope, ready to be shown: decoded, on one line, without invisible characters. */
export interface Envelope {
  readonly id: string
  readonly threadId: string
  readonly messageIdHeader?: string
  readonly from: string
  readonly to: readonly string[]
  readonly cc: readonly string[]
  readonly bcc: readonly string[]
  readonly replyTo?: string
  /** Domains of the sender that may pass for other ones, and why. */
  readonly lookAlikes?: readonly string[]
  readonly subject: string
  /** ISO 8601 in UTC; Gmail's time of arrival when the header is missing, wrong or without a known zone. */
  readonly date?: string
  readonly snippet: string
  readonly labelIds: readonly string[]
  readonly sizeEstimate: number
}

/** A message with more parts, or deeper ones, is hostile; the rest is not looked at. */
const MAX_PARTS = 1000
const MAX_DEPTH = 50
/** No honest subject or name is longer. */
const MAX_VALUE_CHARS = 1000

/** All values of a header, undecoded, in order. */
export const headerValues = (message: Message, name: string): string[] =>
  (message.payload?.headers ?? [])
    .filter((header) => isNamed(header, name))
    .map((header) => header.value ?? '')

/** The first value of a header, decoded (RFC 2047) and on one line; undefined when missing or empty. */
export function header(message: Message, name: string): string | undefined {
  const value = headerValues(message, name)[0]
  return value === undefined ? undefined : readable(value) || undefined
}

/** The envelope of a message that was read with its headers. */
export function readEnvelope(message: Message): Envelope {
  const messageIdHeader = header(message, 'message-id')
  const senders = addressEntries(message, 'from')
  const answered = addressEntries(message, 'reply-to')
  const replyTo = textsOf(answered).join(', ')
  const date = readDate(message)
  return {
    id: message.id ?? '',
    threadId: message.threadId ?? '',
    ...(messageIdHeader && { messageIdHeader }),
    from: textsOf(senders).join(', '),
    to: textsOf(addressEntries(message, 'to')),
    cc: textsOf(addressEntries(message, 'cc')),
    bcc: textsOf(addressEntries(message, 'bcc')),
    ...(replyTo && { replyTo }),
    ...lookAlikesOf([...senders, ...answered]),
    subject: header(message, 'subject') ?? '',
    ...(date && { date }),
    snippet: cleanLine(unescapeHtml(message.snippet ?? '')),
    labelIds: message.labelIds ?? [],
    sizeEstimate: message.sizeEstimate ?? 0
  }
}

/** Parts without children; an attached message counts as one, whatever is in it. */
export function* leaves(root: MessagePart | undefined): Iterable<MessagePart> {
  let seen = 0
  const stack: { part: MessagePart; depth: number }[] = root ? [{ part: root, depth: 0 }] : []
  for (let top = stack.pop(); top && seen < MAX_PARTS; top = stack.pop()) {
    seen += 1
    const { part, depth } = top
    if (part.mimeType?.toLowerCase().startsWith('multipart/')) {
      if (depth < MAX_DEPTH)
        for (const child of (part.parts ?? []).toReversed())
          stack.push({ part: child, depth: depth + 1 })
    } else yield part
  }
}

/** The entries of all fields with this name, in order. */
export const addressEntries = (message: Message, name: string): AddressEntry[] =>
  headerValues(message, name).flatMap(readAddresses)

const textsOf = (entries: readonly AddressEntry[]): string[] =>
  entries.map(({ text }) => text.slice(0, MAX_VALUE_CHARS))

function lookAlikesOf(senders: readonly AddressEntry[]): { lookAlikes?: string[] } {
  const found = senders.flatMap(({ mailbox }) => confusable(mailbox?.address ?? '') ?? [])
  return found.length > 0 ? { lookAlikes: [...new Set(found)].slice(0, 10) } : {}
}

const readable = (value: string): string => shortened(cleanLine(decodeEncodedWords(value)))

/** What is cut says so. */
const shortened = (text: string): string =>
  text.length > MAX_VALUE_CHARS ? `${text.slice(0, MAX_VALUE_CHARS)}\u2026` : text

function readDate(message: Message): string | undefined {
  const written = parseDateHeader(header(message, 'date') ?? '')
  const time = new Date(written ?? Number(message.internalDate ?? Number.NaN))
  return Number.isFinite(time.getTime()) ? time.toISOString() : undefined
}

/** Gmail's snippet is HTML text. */
const unescapeHtml = (text: string): string =>
  text.replace(/&(?:amp|lt|gt|quot|#39);/g, (entity) => ENTITIES[entity] ?? entity)

const ENTITIES: Readonly<Record<string, string>> = {
  '&amp;': '&',
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&#39;': "'"
}
