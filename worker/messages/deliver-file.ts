/** The ways in which a file reaches a client: as text, as an image, saved, by a link, or as bytes. */
import { createHash } from 'node:crypto'
import * as z from 'zod'
import { ToolError } from '#shared/tool-error.ts'
import type { Attachment } from '../gmail/attachment.ts'
import { imageTypeOf } from '../mime/image-type.ts'
import { int } from '../tool-kit/coerce.ts'
import type { ToolCall } from '../tool-kit/context.ts'
import type { Answer } from '../tool-kit/define-tool.ts'
import { RESULT_CHARS, truncate } from '../tool-kit/truncate.ts'
import { fence } from '../tool-kit/untrusted-fence.ts'
import { theirs } from '../tool-kit/untrusted-fields.ts'

export const FileOut = z.object({
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
  unread: z.string().optional().describe('What of the file is not in its text at all'),
  contentBase64: theirs(z.string()).optional(),
  path: theirs(z.string(), 'Where the file was saved on this machine').optional(),
  url: z.string().optional().describe('To fetch the content from, once'),
  expiresAt: z.string().optional().describe('ISO 8601')
})
type FileOut = z.input<typeof FileOut>

/** Beyond this, content would fill the client's context, or the process's memory. */
const MAX_AUTO_INLINE_BYTES = 18_000
/** Models count an image by its pixels; their APIs take 5 MB and more, but not every client scales it down. */
const MAX_IMAGE_BYTES = 1_000_000
const MAX_INLINE_BYTES = 5_000_000
const MAX_READ_BYTES = 15_000_000

export const WAYS = ['auto', 'text', 'image', 'file', 'link', 'inline'] as const
type Way = (typeof WAYS)[number]

/** Where in a long text to begin. */
export const textOffset = int(0, 100_000_000).default(0).describe('Where in the text to begin')

/** The words of a file, and its bytes if they had to be read for it. */
export interface FileText {
  readonly text: string
  readonly content?: Buffer | undefined
  /** Why there is more than `text` has. */
  readonly cut?: string
}

/** A file that can be delivered. */
export interface Deliverable {
  /** The message that a link names it by, together with the file's `partId`. */
  readonly messageId: string
  readonly file: Attachment
  /** What a client may call its content. */
  readonly uri: string
  read(): Promise<Buffer>
  /** Reads its words. */
  text(): Promise<FileText>
  /** Whether its words are what is wanted by default: always, if it has some, or only when they are asked for. */
  readonly words: 'always' | 'if-any' | 'asked'
}

interface Wanted {
  readonly found: Deliverable
  readonly offset: number
  readonly call: ToolCall
}

/** Delivers a file in one of the `WAYS`; `offset` is where its text is to begin. Throws a ToolError. */
export function deliverFile(way: Way, wanted: Wanted): Promise<Answer<FileOut>> {
  switch (way) {
    case 'auto':
      return asClientsShowIt(wanted)
    case 'text':
      return asText(wanted)
    case 'image':
      return asImage(wanted)
    case 'file':
      return asFile(wanted)
    case 'link':
      return asLink(wanted)
    case 'inline':
      return asContent(wanted, MAX_INLINE_BYTES)
  }
}

/**
 * The form that most clients show (docs/clients.md, Attachments): text and images reach nearly every model; of other
 * files some clients show the bytes as base64 and some nothing, but all show a link.
 */
async function asClientsShowIt(wanted: Wanted): Promise<Answer<FileOut>> {
  const { found, call } = wanted
  const { mimeType, size } = found.file
  if (found.words === 'always') return asText(wanted)
  const { files, links } = call.context
  if (found.words === 'if-any' && size <= MAX_READ_BYTES) return asTextOrFile(wanted)
  if (/^image\/(png|jpeg|gif|webp)$/.test(mimeType) && size <= MAX_IMAGE_BYTES)
    return asImageOr(files ? 'file' : links ? 'link' : 'inline', wanted)
  return asWhole(wanted)
}

/** The words of a document, or the file itself where they cannot be had. */
async function asTextOrFile(wanted: Wanted): Promise<Answer<FileOut>> {
  const { files, links } = wanted.call.context
  try {
    const { text, ...rest } = await asText(wanted)
    const way = files ? 'file' : links ? 'link' : 'inline'
    return { ...rest, text: `${text}\nThe file itself: delivery ${way}.` }
  } catch (error) {
    const isOfFile =
      error instanceof ToolError && ['invalid_argument', 'too_large'].includes(error.code)
    if (!isOfFile) throw error
    const { text, ...rest } = await asWhole(wanted)
    return { ...rest, text: `${text}\n${error.message}` }
  }
}

function asWhole(wanted: Wanted): Promise<Answer<FileOut>> {
  const { files, links } = wanted.call.context
  if (files) return asFile(wanted)
  return links ? asLink(wanted) : asEmbedded(wanted)
}

const about = ({ filename, mimeType, size, partId }: Attachment) => ({
  filename,
  mimeType,
  size,
  partId
})

/** Both are the sender's words. */
const named = ({ filename, mimeType }: Attachment): string => `${filename} (${mimeType})`

async function asLink({
  found: { messageId, file },
  call: { context }
}: Wanted): Promise<Answer<FileOut>> {
  if (!context.links)
    throw new ToolError(
      'invalid_argument',
      'This server offers no links to files; use delivery file, inline or text.'
    )
  const link = await context.links.create({ messageId, ...about(file) })
  const text = `${fence(context.nonce(), named(file))}\n${file.size} bytes. Fetch it from ${link.url} before ${link.expiresAt}.`
  return { structured: { ...about(file), delivery: 'link', ...link }, text }
}

async function asText({ found, offset, call }: Wanted): Promise<Answer<FileOut>> {
  const { file } = found
  refuseTooLarge(file)
  const { text: whole, content, cut: more } = await found.text()
  const piece = truncate(whole, offset, RESULT_CHARS - 1000)
  const structured = {
    ...about(file),
    ...(content && { size: content.length, sha256: sha256(content) }),
    delivery: 'text' as const,
    ...piece,
    ...(more !== undefined && { unread: more })
  }
  const tail = piece.truncated
    ? `\nCut here: ${piece.totalChars} characters in all; read on with textOffset ${piece.nextOffset}.`
    : ''
  const rest = more === undefined ? '' : `\nThere is more in the file: ${more}.`
  const shown = fence(call.context.nonce(), `${named(file)}\n\n${piece.text}`)
  return { structured, text: `${structured.size} bytes.\n${shown}${tail}${rest}` }
}

async function asFile({ found, call }: Wanted): Promise<Answer<FileOut>> {
  const { files } = call.context
  if (!files)
    throw new ToolError(
      'invalid_argument',
      'This server saves no files; use delivery link, or inline.'
    )
  const content = await readWhole(found)
  const path = await files.save(found.file.filename, content)
  const structured = { ...described(found.file, content), delivery: 'file' as const, path }
  return { structured, text: summary(found, content, call, `\nSaved as ${path}`) }
}

/** An image as models take it. Bytes of another type than they say would fail the client's whole request. */
async function asImage(wanted: Wanted): Promise<Answer<FileOut>> {
  const answer = wanted.found.file.size > MAX_IMAGE_BYTES ? undefined : await imageOf(wanted)
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
): Promise<Answer<FileOut>> {
  const answer = await imageOf(wanted)
  if (!answer) return other === 'inline' ? asEmbedded(wanted) : deliverFile(other, wanted)
  const { text, ...rest } = answer
  return { ...rest, text: `${text}\nIf you see no image here, use delivery ${other}.` }
}

async function imageOf({ found, call }: Wanted): Promise<Answer<FileOut> | undefined> {
  const content = await readWhole(found)
  const mimeType = imageTypeOf(content)
  if (!mimeType) return undefined
  return {
    structured: { ...described(found.file, content), delivery: 'image' },
    text: summary(found, content, call),
    more: [{ type: 'image', data: content.toString('base64'), mimeType }]
  }
}

/** For clients that read bytes: in `contentBase64`, and as content of the answer's own kind. */
async function asContent(wanted: Wanted, most: number): Promise<Answer<FileOut>> {
  const { size } = wanted.found.file
  if (size > most)
    throw new ToolError('too_large', `The file has ${size} bytes; inline takes up to ${most}.`)
  const embedded = await embed(wanted)
  const { blob } = embedded
  return {
    structured: { ...embedded.structured, contentBase64: blob },
    text: embedded.text,
    more: [embedded.more]
  }
}

/** Where there are neither links nor a place for files: the bytes, once. */
async function asEmbedded(wanted: Wanted): Promise<Answer<FileOut>> {
  const { size } = wanted.found.file
  if (size > MAX_AUTO_INLINE_BYTES)
    throw new ToolError(
      'too_large',
      `The file has ${size} bytes; ask for it with delivery inline if you can use base64.`
    )
  const { structured, text, more } = await embed(wanted)
  return { structured, text, more: [more] }
}

async function embed({ found, call }: Wanted) {
  const content = await readWhole(found)
  const blob = content.toString('base64')
  const image = imageTypeOf(content)
  const { uri, file } = found
  const { mimeType } = file
  return {
    blob,
    structured: { ...described(found.file, content), delivery: 'inline' as const },
    text: summary(found, content, call),
    more: image
      ? { type: 'image' as const, data: blob, mimeType: image }
      : { type: 'resource' as const, resource: { uri, mimeType, blob } }
  }
}

const described = (file: Attachment, content: Buffer) => ({
  ...about(file),
  size: content.length,
  sha256: sha256(content)
})

/** `more` stands inside the fence, since a path ends in the sender's name for the file. */
const summary = (
  { file }: Deliverable,
  content: Buffer,
  { context }: ToolCall,
  more = ''
): string =>
  `${fence(context.nonce(), named(file) + more)}\n${content.length} bytes, sha256 ${sha256(content)}.`

async function readWhole({ file, read }: Deliverable): Promise<Buffer> {
  refuseTooLarge(file)
  return read()
}

function refuseTooLarge({ size }: Attachment): void {
  if (size > MAX_READ_BYTES)
    throw new ToolError('too_large', 'The file is larger than this server can read; use a link.')
}

const sha256 = (content: Buffer): string => createHash('sha256').update(content).digest('hex')
