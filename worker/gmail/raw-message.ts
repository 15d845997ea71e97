import { decodeText } from '../mime/charset.ts'
import { readAddresses } from './addresses.ts'
import type { Mailbox, Message } from './mailbox.ts'
import { headerValues } from './read-message.ts'

/** One field of a header block. */
export interface HeaderField {
  readonly name: string
  /** On one line, undecoded. */
  readonly value: string
  /** As it stands in the message, folds included, as latin1 text without the last line end. */
  readonly lines: string
}

export interface SplitMessage {
  readonly fields: readonly HeaderField[]
  readonly body: Buffer
}

/** A larger message is not read as a whole only to be sure of its names. */
const MAX_RAW_BYTES = 8_000_000
const SENDER_FIELDS = ['from', 'reply-to'] as const
const ADDRESS_FIELDS = [...SENDER_FIELDS, 'to', 'cc', 'bcc'] as const

/** A message as it was sent, cut at the first empty line (RFC 5322, section 2.1). Lines that are no field are left out. */
export function splitMessage(raw: Buffer): SplitMessage {
  const text = raw.toString('latin1')
  const [end = ''] = /\r?\n\r?\n/.exec(text) ?? []
  const at = end === '' ? text.length : text.indexOf(end)
  const fields = text
    .slice(0, at)
    .split(/\r?\n(?![ \t])/)
    .flatMap((lines) => {
      const [, name, value] = /^([!-9;-~]+)[ \t]*:(.*)$/s.exec(lines) ?? []
      if (name === undefined || value === undefined) return []
      const unfolded = value.replace(/\r?\n[ \t]+/g, ' ').trim()
      return {
        name,
        value: decodeText(Buffer.from(unfolded, 'latin1'), undefined),
        lines: lines.replace(/\r?\n/g, '\r\n')
      }
    })
  return { fields, body: raw.subarray(at + end.length) }
}

/** The message with the header of `composed` around its own content, which stays as it is, byte for byte. */
export function withContentOf(composed: Buffer, { fields, body }: SplitMessage): Buffer {
  const header = splitMessage(composed).fields.filter(({ name }) => !isOfContent(name))
  const lines = [...header, ...fields.filter(({ name }) => isOfContent(name))]
  const head = lines.map((field) => `${field.lines}\r\n`).join('')
  return Buffer.concat([Buffer.from(`${head}\r\n`, 'latin1'), body])
}

/** Fields that say how the content is written (RFC 2045). */
export const isOfContent = (name: string): boolean => /^(content-.*|mime-version)$/i.test(name)

/** The bytes of a message, from its first header on. */
export async function fetchRaw(mailbox: Mailbox, id: string, signal: AbortSignal): Promise<Buffer> {
  const { raw } = await mailbox.call('messages.get', { id, format: 'raw' }, signal)
  return Buffer.from(raw ?? '', 'base64url')
}

/**
 * The message with its address fields as they were sent, where it makes a difference. Gmail may hand out names decoded,
 * and a comma or a bracket of a name then looks like one that parts addresses. So a list that could be read in two ways
 * is taken from the message itself, which costs one more request.
 */
export const withAddressesAsSent = (
  message: Message,
  mailbox: Mailbox,
  signal: AbortSignal
): Promise<Message> => asSent(message, ADDRESS_FIELDS, mailbox, signal)

/** The same where only the sender matters, who is hardly ever more than one: for reading. */
export const withSenderAsSent = (
  message: Message,
  mailbox: Mailbox,
  signal: AbortSignal
): Promise<Message> => asSent(message, SENDER_FIELDS, mailbox, signal)

async function asSent(
  message: Message,
  fields: readonly string[],
  mailbox: Mailbox,
  signal: AbortSignal
): Promise<Message> {
  const values = fields.flatMap((name) => headerValues(message, name))
  const isSmall = (message.sizeEstimate ?? 0) <= MAX_RAW_BYTES
  if (!isSmall || !values.some(isAmbiguous)) return message
  return withRawFields(message, splitMessage(await fetchRaw(mailbox, message.id ?? '', signal)))
}

/** The message with all its header fields as they were sent. */
export function withRawFields(message: Message, { fields }: SplitMessage): Message {
  const headers = fields.map(({ name, value }) => ({ name, value }))
  return { ...message, payload: { ...message.payload, headers } }
}

/** One mailbox alone, or addresses without names, read the same in either form. */
function isAmbiguous(value: string): boolean {
  const entries = readAddresses(value)
  const isClear = entries.length === 1 && entries[0]?.mailbox !== undefined
  const hasNames = value.includes('<') || entries.some(({ mailbox }) => mailbox?.name)
  if (!isClear) return hasNames
  // What a name opens and never closes would hide the address behind it.
  const count = (character: string) => value.split(character).length
  return count('(') !== count(')') || count('"') % 2 === 0 || count('<') > 2
}
