import { createHash } from 'node:crypto'
import * as z from 'zod'
import type { Attachment } from '../gmail/attachment.ts'
import { partHeader } from '../gmail/attachment.ts'
import { resolveMessageId } from '../gmail/message-id.ts'
import { decodeText } from '../mime/charset.ts'
import { cleanText } from '../mime/clean-text.ts'
import { ToolError } from '../tool-error.ts'
import { type FoundAttachment, findAttachment } from './attachment-source.ts'
import { cut, RESULT_CHARS } from './budget.ts'
import { int } from './coerce.ts'
import type { ToolCall } from './context.ts'
import { fence } from './fence.ts'
import { messageId, READS } from './schemas.ts'
import { theirs } from './theirs.ts'
import { type Answer, defineTool } from './tool.ts'

const Output = z.object({
  filename: theirs(z.string()),
  mimeType: theirs(z.string()),
  size: z.number().describe('Bytes'),
  partId: z.string(),
  delivery: z.enum(['inline', 'text', 'link']),
  sha256: z.string().optional().describe('Of the whole content, in hex'),
  text: theirs(z.string()).optional(),
  truncated: z.boolean().optional(),
  nextOffset: z.number().optional(),
  totalChars: z.number().optional(),
  contentBase64: theirs(z.string()).optional(),
  url: z.string().optional().describe('To fetch the content from, once'),
  expiresAt: z.string().optional().describe('ISO 8601')
})
type Output = z.input<typeof Output>

/** Beyond this, content would fill the client's context, or the process's memory. */
const MAX_AUTO_INLINE_BYTES = 18_000
const MAX_INLINE_BYTES = 5_000_000
const MAX_READ_BYTES = 15_000_000
const TEXT_TYPE =
  /^(text\/|application\/(json|xml|csv|x-yaml|yaml|javascript|x-sh|ics)\b|[^;]+\+(json|xml)$)/

export const downloadAttachment = defineTool({
  name: 'download_attachment',
  title: 'Read an attachment',
  description:
    'Returns an attachment: text as text, small files in base64, others as a link where the server offers links. Name it by the partId that read_email lists. Nothing is written to a disk.',
  level: 'gmail.read',
  annotations: READS,
  input: z.object({
    messageId,
    partId: z.string().max(100).optional().describe('As read_email lists it'),
    attachmentId: z
      .string()
      .optional()
      .describe('Works only at once: Gmail changes it at every read'),
    filename: z.string().max(500).optional(),
    delivery: z
      .enum(['auto', 'inline', 'link', 'text'])
      .default('auto')
      .describe('text: extracted text; inline: base64; link: an address to fetch it from'),
    textOffset: int(0, 100_000_000).default(0).describe('Where in the text to begin')
  }),
  output: Output,
  async run(args, call) {
    if (!args.partId && !args.attachmentId && !args.filename)
      throw new ToolError('invalid_argument', 'Give partId, filename or attachmentId.')
    const id = await resolveMessageId(call.context.mailbox, args.messageId, call.signal)
    const found = await findAttachment(id, args, call)
    switch (wayOf(args.delivery, found.attachment, call)) {
      case 'link':
        return asLink(id, found.attachment, call)
      case 'text':
        return asText(found, args.textOffset, call)
      case 'inline':
        return asContent(found, args.delivery, call)
    }
  }
})

function wayOf(
  wanted: 'auto' | 'inline' | 'link' | 'text',
  { mimeType, size }: Attachment,
  { context }: ToolCall
): Output['delivery'] {
  if (wanted !== 'auto') return wanted
  if (isText(mimeType)) return 'text'
  return size > MAX_AUTO_INLINE_BYTES && context.links ? 'link' : 'inline'
}

const isText = (mimeType: string): boolean => TEXT_TYPE.test(mimeType)

const about = ({ filename, mimeType, size, partId }: Attachment) => ({
  filename,
  mimeType,
  size,
  partId
})

/** Both are the sender's words. */
const named = ({ filename, mimeType }: Attachment): string => `${filename} (${mimeType})`

async function asLink(
  messageId: string,
  attachment: Attachment,
  { context }: ToolCall
): Promise<Answer<Output>> {
  if (!context.links)
    throw new ToolError(
      'invalid_argument',
      'This server offers no links to attachments; use delivery inline or text.'
    )
  const link = await context.links.create({ messageId, ...about(attachment) })
  const text = `${fence(context.nonce(), named(attachment))}\n${attachment.size} bytes. Fetch it from ${link.url} before ${link.expiresAt}.`
  return { structured: { ...about(attachment), delivery: 'link', ...link }, text }
}

async function asText(
  found: FoundAttachment,
  offset: number,
  call: ToolCall
): Promise<Answer<Output>> {
  const { attachment, part } = found
  if (!isText(attachment.mimeType))
    throw new ToolError(
      'invalid_argument',
      'No text can be extracted from a file of this type; use delivery inline.'
    )
  const content = await readWhole(found)
  const charset = /charset\s*=\s*"?([^";\s]+)/i.exec(partHeader(part, 'content-type') ?? '')?.[1]
  const decoded = decodeText(content, charset)
  const whole =
    attachment.mimeType === 'text/html'
      ? (await call.context.mime.readHtml(decoded, call.signal)).text
      : cleanText(decoded)
  const piece = cut(whole, offset, RESULT_CHARS - 1000)
  const structured = {
    ...about(attachment),
    size: content.length,
    delivery: 'text' as const,
    sha256: sha256(content),
    ...piece
  }
  const tail = piece.truncated
    ? `\nCut here: ${piece.totalChars} characters in all; read on with textOffset ${piece.nextOffset}.`
    : ''
  const shown = fence(call.context.nonce(), `${named(attachment)}\n\n${piece.text}`)
  return { structured, text: `${content.length} bytes.\n${shown}${tail}` }
}

async function asContent(
  found: FoundAttachment,
  wanted: string,
  call: ToolCall
): Promise<Answer<Output>> {
  const { attachment } = found
  const most = wanted === 'auto' ? MAX_AUTO_INLINE_BYTES : MAX_INLINE_BYTES
  if (attachment.size > most)
    throw new ToolError(
      'too_large',
      `The attachment has ${attachment.size} bytes; ${wanted === 'auto' ? 'ask for it with delivery inline if you can use base64' : `inline takes up to ${most}`}.`
    )
  const content = await readWhole(found)
  const contentBase64 = content.toString('base64')
  const structured = {
    ...about(attachment),
    size: content.length,
    delivery: 'inline' as const,
    sha256: sha256(content),
    contentBase64
  }
  const text = `${fence(call.context.nonce(), named(attachment))}\n${content.length} bytes, sha256 ${structured.sha256}.`
  const { mimeType } = attachment
  const uri = `gmail://attachment/${encodeURIComponent(attachment.partId)}`
  const more = mimeType.startsWith('image/')
    ? { type: 'image' as const, data: contentBase64, mimeType }
    : { type: 'resource' as const, resource: { uri, mimeType, blob: contentBase64 } }
  return { structured, text, more: [more] }
}

async function readWhole({ attachment, read }: FoundAttachment): Promise<Buffer> {
  if (attachment.size > MAX_READ_BYTES)
    throw new ToolError('too_large', 'The attachment is larger than this server can read.')
  return read()
}

const sha256 = (content: Buffer): string => createHash('sha256').update(content).digest('hex')
