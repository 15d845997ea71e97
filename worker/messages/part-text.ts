import { partHeader } from '../gmail/attachment.ts'
import type { Message, MessagePart } from '../gmail/mailbox.ts'
import { leaves } from '../gmail/read-message.ts'
import { charsetInHtml, charsetName, decodeText, isRare } from '../mime/charset.ts'
import { cleanText } from '../mime/clean-text.ts'
import { roughText } from '../mime/text-similarity.ts'
import type { ToolCall } from '../tool-kit/context.ts'

/** More text of one message would hold up this process, and nobody reads it. */
export const MAX_TEXT_BYTES = 4_000_000

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
    const { text, bytes } = await partText(message, part, room, call)
    room -= bytes
    texts.push(text)
  }
  return texts.join('\n\n')
}

/** The text of a part as its sender wrote it, of at most `room` bytes. */
export async function partText(
  message: Message,
  part: MessagePart,
  room: number,
  call: ToolCall
): Promise<{ text: string; bytes: number; isCut: boolean }> {
  const whole = await partBytes(message, part, call)
  const content = whole.subarray(0, room)
  const inHeader = charsetOf(part)
  const charset = inHeader ?? (part.mimeType === 'text/html' ? charsetInHtml(content) : undefined)
  const rare = isRare(content, charset)
    ? await call.context.mime.decodeRare(content, charsetName(charset) ?? '', call.signal)
    : undefined
  const text = rare ?? decodeText(content, charset)
  return { text, bytes: content.length, isCut: whole.length > room }
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

/** The charset that a part declares. */
export const charsetOf = (part: MessagePart): string | undefined => typeParameter(part, 'charset')

/** A parameter of a part's Content-Type (RFC 2045, section 5.1). */
export function typeParameter(part: MessagePart, name: string): string | undefined {
  const header = partHeader(part, 'content-type') ?? ''
  const [, quoted, bare] =
    new RegExp(`;\\s*${name}\\s*=\\s*(?:"([^"]*)"|'?([^";\\s']+))`, 'i').exec(header) ?? []
  return quoted ?? bare
}

/**
 * What a message says, in each of its forms, roughly and without fetching anything: for telling what was said before.
 */
export function roughForms({ payload }: Message): RoughForm[] {
  const parts = [...leaves(payload)]
  return (['text', 'html'] as const).flatMap((kind) => {
    const type = kind === 'text' ? 'text/plain' : 'text/html'
    const own = parts.filter(({ mimeType }) => mimeType?.toLowerCase() === type)
    return own.length > 0 ? { kind, read: () => roughForm(own, kind) } : []
  })
}

export interface RoughForm {
  readonly kind: 'text' | 'html'
  /** `isCut` when there is more text in it. */
  readonly read: () => { readonly text: string; readonly isCut: boolean }
}

function roughForm(parts: readonly MessagePart[], kind: RoughForm['kind']) {
  const texts: string[] = []
  let room = MAX_ROUGH_CHARS
  let isCut = false
  for (const part of parts) {
    const { data, attachmentId } = part.body ?? {}
    const whole = data ? decodeText(Buffer.from(data, 'base64url'), charsetOf(part)) : ''
    const isApart = !data && attachmentId !== undefined && !part.filename
    isCut ||= isApart || whole.length > room
    const text = whole.slice(0, room)
    room -= text.length
    texts.push(kind === 'html' ? roughText(text) : text)
  }
  return { text: cleanText(texts.join('\n')), isCut }
}

/** HTML is longer than its text. */
const MAX_ROUGH_CHARS = 300_000
