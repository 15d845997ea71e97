import { ToolError } from '#shared/tool-error.ts'
import { type Attachment, describeAttachment, isAttachment } from '../gmail/attachment.ts'
import { bodyPlan } from '../gmail/body-plan.ts'
import type { Message, MessagePart } from '../gmail/mailbox.ts'
import { fetchRaw } from '../gmail/raw-message.ts'
import { leaves } from '../gmail/read-message.ts'
import type { ToolCall } from '../tool-kit/context.ts'
import { fence } from '../tool-kit/untrusted-fence.ts'
import { partBytes } from './part-text.ts'

const RFC822 = 'message/rfc822'
/** A larger message would fill this process's memory when it is taken apart. */
const MAX_WHOLE_BYTES = 15_000_000

/** How a caller names an attachment. Gmail's own ids change at every fetch, so they are the last resort. */
export interface AttachmentName {
  readonly partId?: string | undefined
  readonly filename?: string | undefined
  readonly attachmentId?: string | undefined
}

export interface FoundAttachment {
  readonly attachment: Attachment
  readonly part: MessagePart
  /** The message that it is in. */
  readonly message: Message
  /** Fetches the content. */
  read(): Promise<Buffer>
}

/**
 * Finds an attachment of a message. Throws `not_found` with what there is instead, and `invalid_argument` with their
 * partIds when several have the name.
 */
export async function findAttachment(
  messageId: string,
  name: AttachmentName,
  call: ToolCall
): Promise<FoundAttachment> {
  const { context, signal } = call
  const message = await context.mailbox.call(
    'messages.get',
    { id: messageId, format: 'full' },
    signal
  )
  const files = filesIn(message.payload)
  // A partId may name any part, such as a form of the text that was not read.
  const named = name.partId === undefined ? files : allParts(message.payload).filter(isLeaf)
  const [part, ...more] = named.filter((each) => fits(each, name))
  if (!part)
    throw new ToolError(
      'not_found',
      `The message has no such attachment. It has:${listed(files, context.nonce())}`
    )
  if (more.length > 0)
    throw new ToolError(
      'invalid_argument',
      `Several attachments fit; name one by its partId:${listed([part, ...more], context.nonce())}`
    )
  return {
    attachment: describeAttachment(part),
    part,
    message,
    read: () => content(message, part, call)
  }
}

function listed(files: readonly MessagePart[], nonce: string): string {
  const lines = files
    .slice(0, 50)
    .map(describeAttachment)
    .map(({ partId, filename, mimeType }) => `partId ${partId}: ${filename} (${mimeType})`)
  return lines.length > 0 ? `\n${fence(nonce, lines.join('\n'))}` : ' none.'
}

/** All attachments of a message that was read in full, those of attached messages left in them. */
export const allFiles = (message: Message, call: ToolCall): FoundAttachment[] =>
  bodyPlan(message.payload).files.map((part) => ({
    attachment: describeAttachment(part),
    part,
    message,
    read: () => content(message, part, call)
  }))

const filesIn = (root: MessagePart | undefined) => allParts(root).filter(isAttachment)

const isLeaf = ({ mimeType }: MessagePart): boolean =>
  !mimeType?.toLowerCase().startsWith('multipart/')

function fits(part: MessagePart, { partId, filename, attachmentId }: AttachmentName): boolean {
  if (partId !== undefined) return (part.partId || '0') === partId
  if (filename !== undefined)
    return part.filename === filename || describeAttachment(part).filename === filename
  return part.body?.attachmentId === attachmentId
}

/** All parts in order, those of attached messages as well. */
function allParts(root: MessagePart | undefined): MessagePart[] {
  const parts: MessagePart[] = []
  const stack = root ? [root] : []
  for (let part = stack.pop(); part && parts.length < 2000; part = stack.pop()) {
    parts.push(part)
    stack.push(...(part.parts ?? []).toReversed())
  }
  return parts
}

async function content(message: Message, part: MessagePart, call: ToolCall): Promise<Buffer> {
  if (part.body?.data || part.body?.attachmentId) return partBytes(message, part, call)
  if (part.mimeType !== RFC822) return Buffer.alloc(0)
  const found = await attachedMessage(message, part, call)
  if (found) return found
  throw new ToolError('not_found', 'Gmail does not hand out the content of this attached message.')
}

/** An attached message that Gmail gives no id for, taken out of the whole: the same one in order. */
async function attachedMessage(
  message: Message,
  part: MessagePart,
  { context, signal }: ToolCall
): Promise<Buffer | undefined> {
  const attached = [...leaves(message.payload)].filter(({ mimeType }) => mimeType === RFC822)
  const at = attached.findIndex(({ partId }) => partId === part.partId)
  if (at === -1) return undefined
  if ((message.sizeEstimate ?? 0) > MAX_WHOLE_BYTES)
    throw new ToolError('too_large', 'The message is too large to take an attached one out of it.')
  const { default: PostalMime } = await import('postal-mime')
  const whole = await PostalMime.parse(await fetchRaw(context.mailbox, message.id ?? '', signal), {
    forceRfc822Attachments: true
  })
  const found = whole.attachments.filter(({ mimeType }) => mimeType === RFC822)[at]?.content
  return found instanceof ArrayBuffer ? withLineEnds(Buffer.from(found)) : undefined
}

/** The parser gives lines the ends of this system; a message has those of the network (RFC 5322, section 2.1). */
const withLineEnds = (text: Buffer): Buffer =>
  text.includes('\r\n')
    ? text
    : Buffer.from(text.toString('latin1').replace(/\n/g, '\r\n'), 'latin1')
