import type { gmail_v1 } from 'googleapis/build/src/apis/gmail/v1.js'
import type { StoredMessage } from '../mailbox/stored-message.ts'
import type { MimePart } from '../mime/part.ts'
import type { AttachmentIds } from './attachment-ids.ts'
import { toBase64url } from './base64url.ts'

export type MessageFormat = 'full' | 'metadata' | 'minimal' | 'raw'

/** Texts above this are fetched by id like files. */
const MAX_INLINE_TEXT = 2_097_152

/** A message as Gmail's API shows it. `metadataHeaders` counts for the format `metadata` only; none means all. */
export function messageResource(
  message: StoredMessage,
  format: MessageFormat,
  attachmentIds: AttachmentIds,
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
        payload: { mimeType: root.mimeType, headers: selectHeaders(root, metadataHeaders) }
      }
    case 'full':
      return { ...resource, payload: partResource(root, message.id, attachmentIds) }
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
  attachmentIds: AttachmentIds
): gmail_v1.Schema$MessagePart {
  const { partId, mimeType, filename, content, parts } = part
  const body = isFetchedById(part)
    ? { attachmentId: attachmentIds.issue(messageId, partId), size: content.length }
    : { size: content.length, ...(content.length > 0 ? { data: encoded(part) } : {}) }
  return {
    partId,
    mimeType,
    filename,
    headers: part.headers.map(({ name, value }) => ({ name, value })),
    body,
    ...(parts.length > 0
      ? { parts: parts.map((child) => partResource(child, messageId, attachmentIds)) }
      : {})
  }
}

const encodings = new WeakMap<MimePart, string>()

/** The part's text in base64url, computed once. */
function encoded(part: MimePart): string {
  const text = encodings.get(part) ?? toBase64url(part.content)
  encodings.set(part, text)
  return text
}

function selectHeaders({ headers }: MimePart, names: readonly string[]) {
  const wanted = new Set(names.map((name) => name.toLowerCase()))
  return headers
    .filter(({ name }) => wanted.size === 0 || wanted.has(name.toLowerCase()))
    .map(({ name, value }) => ({ name, value }))
}
