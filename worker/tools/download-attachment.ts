import { createHash } from 'node:crypto'
import * as z from 'zod'
import type { Attachment } from '../gmail/attachment.ts'
import { resolveMessageId } from '../gmail/message-id.ts'
import { charsetInHtml, decodeFile } from '../mime/charset.ts'
import { cleanText } from '../mime/clean-text.ts'
import { imageTypeOf } from '../mime/image-type.ts'
import { ToolError } from '../tool-error.ts'
import { type FoundAttachment, findAttachment } from './attachment-source.ts'
import { BodyReader } from './body-reader.ts'
import { cut, RESULT_CHARS } from './budget.ts'
import { int, partName } from './coerce.ts'
import type { ToolCall } from './context.ts'
import { fence } from './fence.ts'
import { charsetOf } from './part-text.ts'
import { messageId, READS } from './schemas.ts'
import { theirs } from './theirs.ts'
import { type Answer, defineTool } from './tool.ts'

const Output = z.object({
  filename: theirs(z.string()),
  mimeType: theirs(z.string()),
  size: z.number().describe('Bytes'),
  partId: z.string(),
  delivery: z.enum(['text', 'image', 'file', 'link', 'inline']),
  sha256: z.string().optional().describe('Of the whole content, in hex'),
  text: theirs(z.string()).optional(),
  truncated: z.boolean().optional(),
  nextOffset: z.number().optional(),
  totalChars: z.number().optional(),
  contentBase64: theirs(z.string()).optional(),
  path: theirs(z.string(), 'Where the file was saved on this machine').optional(),
  url: z.string().optional().describe('To fetch the content from, once'),
  expiresAt: z.string().optional().describe('ISO 8601')
})
type Output = z.input<typeof Output>

/** Beyond this, content would fill the client's context, or the process's memory. */
const MAX_AUTO_INLINE_BYTES = 18_000
/** Models count an image by its pixels; their APIs take 5 MB and more, but not every client scales it down. */
const MAX_IMAGE_BYTES = 1_000_000
const MAX_INLINE_BYTES = 5_000_000
const MAX_READ_BYTES = 15_000_000
const TEXT_TYPE =
  /^(text\/|application\/(json|xml|csv|x-yaml|yaml|javascript|x-sh|ics)\b|[^;]+\+(json|xml)$)/

export const downloadAttachment = defineTool({
  name: 'download_attachment',
  title: 'Read an attachment',
  description:
    'Returns an attachment: text as text, images as images, other files as a link, or saved where the server saves files. Name it by the partId that read_email lists.',
  level: 'gmail.read',
  annotations: READS,
  input: z.object({
    messageId,
    partId: partName().optional().describe('As read_email lists it'),
    attachmentId: z
      .string()
      .optional()
      .describe('Works only at once: Gmail changes it at every read'),
    filename: z.string().max(500).optional(),
    delivery: z
      .enum(['auto', 'text', 'image', 'file', 'link', 'inline'])
      .default('auto')
      .describe(
        'text: extracted text; image: for models that see; file: saved on the machine of a local server; link: an address to fetch it from; inline: base64'
      ),
    textOffset: int(0, 100_000_000).default(0).describe('Where in the text to begin')
  }),
  output: Output,
  async run(args, call) {
    if (!args.partId && !args.attachmentId && !args.filename)
      throw new ToolError('invalid_argument', 'Give partId, filename or attachmentId.')
    const id = await resolveMessageId(call.context.mailbox, args.messageId, call.signal)
    const found = await findAttachment(id, args, call)
    return deliver(args.delivery, { messageId: id, found, offset: args.textOffset, call })
  }
})

interface Wanted {
  readonly messageId: string
  readonly found: FoundAttachment
  readonly offset: number
  readonly call: ToolCall
}

function deliver(way: 'auto' | Output['delivery'], wanted: Wanted): Promise<Answer<Output>> {
  const { found, call } = wanted
  switch (way) {
    case 'auto':
      return asClientsShowIt(wanted)
    case 'text':
      return asText(found, wanted.offset, call)
    case 'image':
      return asImage(found, call)
    case 'file':
      return asFile(found, call)
    case 'link':
      return asLink(wanted.messageId, found.attachment, call)
    case 'inline':
      return asContent(wanted, MAX_INLINE_BYTES)
  }
}

/**
 * The form that most clients show (docs/clients.md, Attachments): text and images reach nearly every model; of other
 * files some clients show the bytes as base64 and some nothing, but all show a link.
 */
function asClientsShowIt(wanted: Wanted): Promise<Answer<Output>> {
  const { found, call } = wanted
  const { mimeType, size } = found.attachment
  if (isText(mimeType)) return deliver('text', wanted)
  const { files, links } = call.context
  if (/^image\/(png|jpeg|gif|webp)$/.test(mimeType) && size <= MAX_IMAGE_BYTES)
    return asImageOr(files ? 'file' : links ? 'link' : 'inline', wanted)
  if (files) return deliver('file', wanted)
  return links ? deliver('link', wanted) : asEmbedded(wanted)
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
      'This server offers no links to attachments; use delivery file, inline or text.'
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
  const isMail = isMessage(attachment.mimeType)
  if (!isText(attachment.mimeType) && !isMail)
    throw new ToolError(
      'invalid_argument',
      'No text can be extracted from a file of this type; leave delivery out.'
    )
  // Gmail may hand out the parts of an attached message and not its bytes.
  const hasBytes = !isMail || Boolean(part.body?.data ?? part.body?.attachmentId)
  const content = hasBytes ? await readWhole(found) : undefined
  const whole = await textOf(found, content ?? Buffer.alloc(0), call)
  const piece = cut(whole, offset, RESULT_CHARS - 1000)
  const structured = {
    ...about(attachment),
    ...(content && { size: content.length, sha256: sha256(content) }),
    delivery: 'text' as const,
    ...piece
  }
  const tail = piece.truncated
    ? `\nCut here: ${piece.totalChars} characters in all; read on with textOffset ${piece.nextOffset}.`
    : ''
  const shown = fence(call.context.nonce(), `${named(attachment)}\n\n${piece.text}`)
  return { structured, text: `${structured.size} bytes.\n${shown}${tail}` }
}

/** The words of a file: of an attached message and of an invitation as they are read in a message. */
async function textOf(
  { attachment: { mimeType }, part, message }: FoundAttachment,
  content: Buffer,
  call: ToolCall
): Promise<string> {
  if (isMessage(mimeType)) {
    const sections = await new BodyReader(message, { html: false, wholeLinks: true }, call).read([
      { kind: 'message', part }
    ])
    return sections.map(({ text }) => text).join('\n\n')
  }
  const { mime } = call.context
  const isHtml = mimeType === 'text/html'
  const charset = charsetOf(part) ?? (isHtml ? charsetInHtml(content) : undefined)
  const decoded = await decodeFile(content, charset, (bytes, name) =>
    mime.decodeRare(bytes, name, call.signal)
  )
  if (isHtml)
    return (await mime.readHtml(decoded, call.signal, { html: false, wholeLinks: true })).text
  const words = /^(text\/calendar|application\/ics)$/.test(mimeType)
    ? await mime.readCalendar(decoded, call.signal)
    : undefined
  return words === undefined ? cleanText(decoded) : `${words}\n\n${cleanText(decoded)}`
}

const isMessage = (mimeType: string): boolean => /^message\/(rfc822|global|news)$/.test(mimeType)

async function asFile(found: FoundAttachment, call: ToolCall): Promise<Answer<Output>> {
  const { attachment } = found
  const { files } = call.context
  if (!files)
    throw new ToolError(
      'invalid_argument',
      'This server saves no files; use delivery link, or inline.'
    )
  const content = await readWhole(found)
  const path = await files.save(attachment.filename, content)
  const structured = { ...described(attachment, content), delivery: 'file' as const, path }
  return { structured, text: summary(found, content, call, `\nSaved as ${path}`) }
}

/** An image as models take it. Bytes of another type than they say would fail the client's whole request. */
async function asImage(found: FoundAttachment, call: ToolCall): Promise<Answer<Output>> {
  const { attachment } = found
  const answer = attachment.size > MAX_IMAGE_BYTES ? undefined : await imageOf(found, call)
  if (!answer)
    throw new ToolError(
      'invalid_argument',
      `Not a PNG, JPEG, GIF or WebP of at most ${MAX_IMAGE_BYTES} bytes; use another delivery.`
    )
  return answer
}

async function asImageOr(
  other: 'file' | 'link' | 'inline',
  wanted: Wanted
): Promise<Answer<Output>> {
  const { found, call } = wanted
  const answer = await imageOf(found, call)
  if (!answer) return other === 'inline' ? asEmbedded(wanted) : deliver(other, wanted)
  const { text, ...rest } = answer
  return { ...rest, text: `${text}\nIf you see no image here, use delivery ${other}.` }
}

async function imageOf(
  found: FoundAttachment,
  call: ToolCall
): Promise<Answer<Output> | undefined> {
  const content = await readWhole(found)
  const mimeType = imageTypeOf(content)
  if (!mimeType) return undefined
  return {
    structured: { ...described(found.attachment, content), delivery: 'image' },
    text: summary(found, content, call),
    more: [{ type: 'image', data: content.toString('base64'), mimeType }]
  }
}

/** For clients that read bytes: in `contentBase64`, and as content of the answer's own kind. */
async function asContent(wanted: Wanted, most: number): Promise<Answer<Output>> {
  const { attachment } = wanted.found
  if (attachment.size > most)
    throw new ToolError(
      'too_large',
      `The attachment has ${attachment.size} bytes; inline takes up to ${most}.`
    )
  const embedded = await embed(wanted)
  const { blob } = embedded
  return {
    structured: { ...embedded.structured, contentBase64: blob },
    text: embedded.text,
    more: [embedded.more]
  }
}

/** Where there are neither links nor a place for files: the bytes, once. */
async function asEmbedded(wanted: Wanted): Promise<Answer<Output>> {
  const { attachment } = wanted.found
  if (attachment.size > MAX_AUTO_INLINE_BYTES)
    throw new ToolError(
      'too_large',
      `The attachment has ${attachment.size} bytes; ask for it with delivery inline if you can use base64.`
    )
  const { structured, text, more } = await embed(wanted)
  return { structured, text, more: [more] }
}

async function embed({ messageId, found, call }: Wanted) {
  const { attachment } = found
  const content = await readWhole(found)
  const blob = content.toString('base64')
  const image = imageTypeOf(content)
  const { mimeType, partId } = attachment
  const uri = `gmail://attachment/${messageId}/${encodeURIComponent(partId)}`
  return {
    blob,
    structured: { ...described(attachment, content), delivery: 'inline' as const },
    text: summary(found, content, call),
    more: image
      ? { type: 'image' as const, data: blob, mimeType: image }
      : { type: 'resource' as const, resource: { uri, mimeType, blob } }
  }
}

const described = (attachment: Attachment, content: Buffer) => ({
  ...about(attachment),
  size: content.length,
  sha256: sha256(content)
})

/** `more` stands inside the fence, since a path ends in the sender's name for the file. */
const summary = (
  { attachment }: FoundAttachment,
  content: Buffer,
  { context }: ToolCall,
  more = ''
): string =>
  `${fence(context.nonce(), named(attachment) + more)}\n${content.length} bytes, sha256 ${sha256(content)}.`

async function readWhole({ attachment, read }: FoundAttachment): Promise<Buffer> {
  if (attachment.size > MAX_READ_BYTES)
    throw new ToolError('too_large', 'The attachment is larger than this server can read.')
  return read()
}

const sha256 = (content: Buffer): string => createHash('sha256').update(content).digest('hex')
