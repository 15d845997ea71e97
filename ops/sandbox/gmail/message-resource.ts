import type { gmail_v1 } from 'googleapis/build/src/apis/gmail/v1.js'
import type { StoredMessage } from '../mailbox/stored-message.ts'
import { asUtf8 } from '../mime/charset.ts'
import type { Header } from '../mime/headers.ts'
import type { MimePart } from '../mime/part.ts'
import type { AttachmentIds } from './attachment-ids.ts'
import { toBase64url } from './base64url.ts'

export type MessageFormat = 'full' | 'metadata' | 'minimal' | 'raw'

/** How messages are shown where it is not established what Gmail does. */
export interface Showing {
  readonly attachmentIds: AttachmentIds
  readonly attachedMessages: 'with-id' | 'without-id'
  readonly headers: 'decoded' | 'as-written'
}

/** Texts above this are fetched by id like files. */
const MAX_INLINE_TEXT = 2_097_152

/** A message as Gmail's API shows it. `metadataHeaders` counts for the format `metadata` only; none means all. */
export function messageResource(
  message: StoredMessage,
  format: MessageFormat,
  showing: Showing,
  metadataHeaders: readonly string[] = []
): gmail_v1.Schema$Message {
  const resource = {
    ...labelledReference(message),
    snippet: message.mail.snippet,
    sizeEstimate: message.mail.raw.length,
    historyId: `${message.historyId}`,
    internalDate: `${message.internalDate}`
  }
  const { root, raw } = message.mail
  switch (format) {
    case 'minimal':
      return resource
    case 'raw':
      return { ...resource, raw: toBase64url(raw) }
    case 'metadata':
      return {
        ...resource,
        payload: { mimeType: root.mimeType, headers: selectHeaders(root, metadataHeaders, showing) }
      }
    case 'full':
      return { ...resource, payload: partResource(root, message.id, showing) }
  }
}

/** What lists hold. */
export const messageReference = ({ id, threadId }: StoredMessage) => ({ id, threadId })

/** What answers to sending and labelling hold. */
export const labelledReference = (message: StoredMessage) => ({
  ...messageReference(message),
  labelIds: [...message.labelIds]
})

/** Whether a part's bytes are fetched by an attachment id. */
export const isFetchedById = ({ mimeType, filename, content }: MimePart) =>
  !mimeType.startsWith('multipart/') &&
  (filename !== '' || !mimeType.startsWith('text/') || content.length > MAX_INLINE_TEXT)

function partResource(
  part: MimePart,
  messageId: string,
  showing: Showing
): gmail_v1.Schema$MessagePart {
  const { partId, mimeType, filename, parts } = part
  const body = bodyOf(part, messageId, showing)
  return {
    partId,
    mimeType,
    filename,
    headers: shownHeaders(part.headers, showing),
    body,
    ...(parts.length > 0
      ? { parts: parts.map((child) => partResource(child, messageId, showing)) }
      : {})
  }
}

function bodyOf(
  part: MimePart,
  messageId: string,
  { attachmentIds, attachedMessages }: Showing
): gmail_v1.Schema$MessagePartBody {
  const size = part.content.length
  if (part.mimeType === 'message/rfc822' && attachedMessages === 'without-id') return { size }
  if (!isFetchedById(part)) return textBody(part)
  return { attachmentId: attachmentIds.issue(messageId, part.partId), size }
}

const textBodies = new WeakMap<MimePart, gmail_v1.Schema$MessagePartBody>()

/**
 * The part's text, computed once: in UTF-8 whatever its header goes on to say (openclaw/gogcli#446, #511). Files are
 * handed out byte for byte.
 */
function textBody(part: MimePart): gmail_v1.Schema$MessagePartBody {
  const known = textBodies.get(part)
  if (known) return known
  const text = part.mimeType.startsWith('text/') ? asUtf8(part.content, part.charset) : part.content
  const body = { size: text.length, ...(text.length > 0 ? { data: toBase64url(text) } : {}) }
  textBodies.set(part, body)
  return body
}

function selectHeaders({ headers }: MimePart, names: readonly string[], showing: Showing) {
  const wanted = new Set(names.map((name) => name.toLowerCase()))
  const selected = headers.filter(({ name }) => wanted.size === 0 || wanted.has(name.toLowerCase()))
  return shownHeaders(selected, showing)
}

const shownHeaders = (headers: readonly Header[], showing: Showing) =>
  headers.map(({ name, value, written }) => ({
    name,
    value: showing.headers === 'decoded' ? value : written
  }))
