import { describeAttachment } from '../gmail/attachment.ts'
import { bodyPlan } from '../gmail/body-plan.ts'
import type { Message, MessagePart } from '../gmail/mailbox.ts'
import { partTree } from '../gmail/part-tree.ts'
import { readEnvelope } from '../gmail/read-message.ts'
import type { ToolCall } from '../tool-kit/context.ts'
import { envelopeOut, envelopeText } from '../tool-kit/schemas.ts'
import { partBytes } from './part-text.ts'

/** A larger attached message is not taken apart in this process. */
const MAX_BYTES = 4_000_000
const MAX_FILES = 50

/**
 * An attached message as text: its envelope, what `read` makes of it, and its files. Gmail hands such messages out as
 * parts, as bytes, or as neither; undefined when there is nothing that could be read.
 */
export async function attachedMessageText(
  message: Message,
  part: MessagePart,
  call: ToolCall,
  read: (inner: Message) => Promise<string>
): Promise<string | undefined> {
  const [payload] = part.parts ?? []
  const inner = payload
    ? { ...(message.id && { id: message.id }), payload }
    : await parsed(await partBytes(message, part, call), part.partId ?? '')
  if (!inner) return undefined
  const files = bodyPlan(inner.payload)
    .files.map(describeAttachment)
    .slice(0, MAX_FILES)
    .map(({ filename, mimeType, partId }) =>
      payload
        ? `File: ${filename} (${mimeType}, partId ${partId})`
        : `File: ${filename} (${mimeType})`
    )
  const head = envelopeText(envelopeOut(readEnvelope(inner), []))
  return [`${head}\n`, await read(inner), files.join('\n')].filter((each) => each !== '').join('\n')
}

/** A message as Gmail would hand it out; undefined when it is none, or too much. */
async function parsed(bytes: Buffer, partId: string): Promise<Message | undefined> {
  if (bytes.length === 0 || bytes.length > MAX_BYTES) return undefined
  const payload = await partTree(bytes, partId).catch(() => undefined)
  return payload && { payload }
}
