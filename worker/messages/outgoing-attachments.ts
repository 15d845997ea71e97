import { ToolError } from '#shared/tool-error.ts'
import { safeFilename } from '../gmail/attachment.ts'
import { type OutgoingFile, singleLine } from '../gmail/compose.ts'
import { resolveMessageId } from '../gmail/message-id.ts'
import type { ToolCall } from '../tool-kit/context.ts'
import { findAttachment } from './find-attachment.ts'
import type { Content } from './message-input.ts'

/** What is attached, read: from the arguments or from other messages. Throws `invalid_argument`. */
export async function readFiles(
  { attachments = [], inlineImages = [] }: Pick<Content, 'attachments' | 'inlineImages'>,
  call: ToolCall
): Promise<OutgoingFile[]> {
  const files: OutgoingFile[] = inlineImages.map((image) => ({
    filename: safeFilename(image.filename ?? '', 'image', image.mimeType),
    mimeType: image.mimeType,
    content: fromBase64('inlineImages', image.contentBase64),
    contentId: image.contentId
  }))
  for (const file of attachments) files.push(await readFile(file, call))
  return files
}

async function readFile(
  file: NonNullable<Content['attachments']>[number],
  call: ToolCall
): Promise<OutgoingFile> {
  const { filename, mimeType, contentBase64, fromMessageId, partId, uploadId } = file
  if (uploadId !== undefined) {
    refuseTwo(contentBase64, fromMessageId)
    const uploaded = call.context.uploads.read(uploadId)
    return {
      filename: filename === undefined ? uploaded.filename : plainName(filename),
      mimeType: mimeType ?? uploaded.mimeType,
      content: uploaded.content
    }
  }
  if (contentBase64 !== undefined && filename !== undefined)
    return {
      filename: plainName(filename),
      mimeType: mimeType ?? 'application/octet-stream',
      content: fromBase64(filename, contentBase64)
    }
  if (contentBase64 !== undefined || fromMessageId === undefined || partId === undefined)
    throw new ToolError(
      'invalid_argument',
      'Each attachment needs an uploadId, or fromMessageId and partId, or filename and contentBase64.'
    )
  const id = await resolveMessageId(call.context.mailbox, fromMessageId, call.signal)
  const found = await findAttachment(id, { partId }, call)
  return {
    filename: filename === undefined ? found.attachment.filename : plainName(filename),
    mimeType: mimeType ?? found.attachment.mimeType,
    content: await found.read()
  }
}

function refuseTwo(...others: readonly unknown[]): void {
  if (others.some((other) => other !== undefined))
    throw new ToolError('invalid_argument', 'Give one source of an attachment, not two.')
}

/** A media type, such as "text/csv". Throws `invalid_argument` for what cannot stand in a header. */
export function plainType(mimeType: string): string {
  if (!/^[\w!#$&^.+-]{1,127}\/[\w!#$&^.+-]{1,127}$/.test(mimeType))
    throw new ToolError('invalid_argument', 'mimeType must be like text/csv.')
  return mimeType
}

/** A name is not a path: a client may believe that this server reads files. */
export function plainName(filename: string): string {
  singleLine('filename', filename)
  if (/[/\\]/.test(filename))
    throw new ToolError(
      'invalid_argument',
      'filename must be a name without a path; the content is given in contentBase64.'
    )
  return filename
}

function fromBase64(name: string, text: string): Buffer {
  const compact = text.replace(/\s+/g, '')
  if (!/^[A-Za-z0-9+/_-]*={0,2}$/.test(compact))
    throw new ToolError('invalid_argument', `The content of ${JSON.stringify(name)} is not base64.`)
  return Buffer.from(compact, 'base64')
}
