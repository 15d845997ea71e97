import PostalMime from 'postal-mime'
import { describeAttachment } from '../gmail/attachment.ts'
import { bodyPlan } from '../gmail/body-plan.ts'
import type { Message, MessagePart } from '../gmail/methods.ts'
import { readEnvelope } from '../gmail/read-message.ts'
import type { ToolCall } from './context.ts'
import { partBytes } from './part-text.ts'
import { envelopeOut, envelopeText } from './schemas.ts'

/** A larger attached message is not taken apart in this process. */
const MAX_BYTES = 4_000_000
const MAX_FILES = 50

/**
 * An attached message as text: its envelope, what `read` makes of it, and its files. Gmail hands such messages out as
 * parts, as bytes, or as neither; undefined when there is nothing to read.
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
    : await parsed(await partBytes(message, part, call))
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

/** A message as Gmail would hand it out, as far as reading it needs that; undefined when it is none. */
async function parsed(bytes: Buffer): Promise<Message | undefined> {
  if (bytes.length === 0 || bytes.length > MAX_BYTES) return undefined
  const mail = await PostalMime.parse(bytes, {
    forceRfc822Attachments: true,
    maxNestingDepth: 50
  }).catch(() => undefined)
  if (!mail || mail.headers.length === 0) return undefined
  const text = (mimeType: string, words: string | undefined): MessagePart[] =>
    words ? [{ mimeType, headers: [], body: dataOf(Buffer.from(words)) }] : []
  const files = mail.attachments.map(({ filename, mimeType, content }) => ({
    mimeType,
    ...(filename && { filename }),
    headers: [{ name: 'Content-Disposition', value: 'attachment' }],
    body: dataOf(
      typeof content === 'string' ? Buffer.from(content) : Buffer.from(new Uint8Array(content))
    )
  }))
  const forms = [...text('text/plain', mail.text), ...text('text/html', mail.html)]
  return {
    payload: {
      mimeType: 'multipart/mixed',
      headers: mail.headers.map(({ originalKey, value }) => ({ name: originalKey, value })),
      parts: [{ mimeType: 'multipart/alternative', headers: [], parts: forms }, ...files]
    }
  }
}

const dataOf = (bytes: Buffer) => ({ size: bytes.length, data: bytes.toString('base64url') })
