import { isAttachment } from './attachment.ts'
import type { MessagePart } from './methods.ts'

/** Deeper parts are those of hostile mail. */
const MAX_DEPTH = 50

/**
 * The parts that a mail program with HTML shows as the message, in order: of alternatives the last one that is text (RFC
 * 2046, section 5.1.4), and everything else that is no file.
 */
export function shownParts(part: MessagePart | undefined, depth = 0): MessagePart[] {
  if (!part || depth > MAX_DEPTH) return []
  const type = part.mimeType?.toLowerCase() ?? ''
  if (!type.startsWith('multipart/')) return isAttachment(part) ? [] : [part]
  const children = (part.parts ?? []).map((child) => shownParts(child, depth + 1))
  if (type !== 'multipart/alternative') return children.flat()
  const hasHtml = children.findLast((parts) =>
    parts.some(({ mimeType }) => mimeType === 'text/html')
  )
  return hasHtml ?? children.findLast((parts) => parts.length > 0) ?? []
}
