import { partHeader } from '../gmail/attachment.ts'
import type { Message, MessagePart } from '../gmail/methods.ts'
import { type Parts, readParts } from '../gmail/read-message.ts'
import { decodeText } from '../mime/charset.ts'
import { cleanText } from '../mime/clean-text.ts'
import { stripQuotes } from '../mime/quotes.ts'
import type { ToolCall } from './context.ts'

/** What a message says. */
export interface Body {
  /** Plain text, made from the HTML when the message has no other. */
  readonly text: string
  /** Which of the message's forms `text` was made from. */
  readonly source: 'text' | 'html' | 'none'
  /** Harmless HTML; only when it was asked for and there is some. */
  readonly html?: string
  readonly parts: Parts
}

/** More text of one message would hold up this process, and nobody reads it. */
const MAX_TEXT_BYTES = 4_000_000

export interface BodyWishes {
  readonly html: boolean
  readonly stripQuotes: boolean
}

/** Reads the body of a message that was fetched in full. Throws `too_large` for HTML that breaks the limits. */
export async function readBody(
  message: Message,
  wishes: BodyWishes,
  call: ToolCall
): Promise<Body> {
  const parts = readParts(message)
  const plain = cleanText(await joined(message, parts.text, call))
  const needsHtml = parts.html.length > 0 && (wishes.html || plain.trim() === '')
  const read = needsHtml
    ? await call.context.mime.readHtml(await joined(message, parts.html, call), call.signal)
    : undefined
  const source = sourceOf(plain, read?.text)
  const text = source === 'html' ? (read?.text ?? '') : plain.replace(/\n{4,}/g, '\n\n\n').trim()
  return {
    text: wishes.stripQuotes ? stripQuotes(text) : text,
    source,
    ...(wishes.html && read && { html: read.html }),
    parts
  }
}

function sourceOf(plain: string, fromHtml: string | undefined): Body['source'] {
  if (plain.trim() !== '') return 'text'
  return fromHtml ? 'html' : 'none'
}

/** The text of parts as their sender wrote it. What goes beyond the limit is not read. */
export async function joined(
  message: Message,
  parts: readonly MessagePart[],
  call: ToolCall
): Promise<string> {
  const texts = []
  let room = MAX_TEXT_BYTES
  for (const part of parts) {
    if (room <= 0) break
    const bytes = (await partBytes(message, part, call)).subarray(0, room)
    room -= bytes.length
    texts.push(decodeText(bytes, charsetOf(part)))
  }
  return texts.join('\n\n')
}

/** The decoded content of a part; Gmail keeps large ones apart. */
export async function partBytes(
  message: Message,
  part: MessagePart,
  { context, signal }: ToolCall
): Promise<Buffer> {
  const { data, attachmentId } = part.body ?? {}
  if (data || !attachmentId) return Buffer.from(data ?? '', 'base64url')
  const fetched = await context.mailbox.call(
    'attachments.get',
    { messageId: message.id ?? '', id: attachmentId },
    signal
  )
  return Buffer.from(fetched.data ?? '', 'base64url')
}

const charsetOf = (part: MessagePart): string | undefined =>
  /charset\s*=\s*"?([^";\s]+)/i.exec(partHeader(part, 'content-type') ?? '')?.[1]
