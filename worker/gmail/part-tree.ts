import PostalMime from 'postal-mime'
import type { MessagePart } from './mailbox.ts'

/** A header field that says that bytes are a message at all, or a part of one. */
const MESSAGE_FIELD =
  /^(from|to|cc|date|subject|sender|reply-to|message-id|received|return-path|delivered-to|mime-version|content-type|x-[\w-]+|list-[\w-]+)$/i
const MAX_DEPTH = 50

/**
 * A message's bytes as the tree of parts that Gmail would hand out (`format=full`), with every content in place; messages
 * within it are parts with their bytes. `partId` is that of the part which holds the message. Undefined for bytes that are no message: there is no field of one at their top.
 * Throws when it is nested more deeply than 50 levels, or has more than 2 MiB of headers.
 */
export async function partTree(
  bytes: Uint8Array,
  partId: string
): Promise<MessagePart | undefined> {
  const parser = new PostalMime({ forceRfc822Attachments: true, maxNestingDepth: MAX_DEPTH })
  await parser.parse(bytes)
  // The library joins all text of a message. Its tree is not in its types, though there in the release that is pinned
  // (postal-mime 4.0.0, src/mime-node.ts); a test of every kind of part notices when it goes.
  const { root } = parser as unknown as { readonly root: MimeNode }
  const isMessage = root.headers.some(({ originalKey }) => MESSAGE_FIELD.test(originalKey))
  return isMessage ? partOf(root, `${partId}.0`) : undefined
}

/** What is used of the library's nodes. */
interface MimeNode {
  readonly headers: readonly { readonly originalKey: string; readonly value: string }[]
  readonly contentType: { readonly parsed: Structured }
  readonly contentDisposition: { readonly parsed: Structured }
  /** Decoded. */
  readonly content: ArrayBuffer | null
  readonly childNodes: readonly MimeNode[]
}

interface Structured {
  readonly value: string
  readonly params: Readonly<Record<string, string>>
}

function partOf(node: MimeNode, partId: string): MessagePart {
  const { contentType, contentDisposition, childNodes } = node
  const filename = contentDisposition.parsed.params.filename ?? contentType.parsed.params.name
  const bytes = Buffer.from(node.content ?? new ArrayBuffer(0))
  const isContainer = contentType.parsed.value.toLowerCase().startsWith('multipart/')
  const isBroken = isContainer && childNodes.length === 0
  return {
    partId,
    // Of a container whose boundary is nowhere all is text, so that nothing is lost.
    mimeType: isBroken ? 'text/plain' : contentType.parsed.value.toLowerCase(),
    ...(filename && !isContainer && { filename }),
    headers: node.headers.map(({ originalKey, value }) => ({ name: originalKey, value })),
    ...(isContainer && !isBroken
      ? { parts: childNodes.map((child, at) => partOf(child, `${partId}.${at}`)) }
      : { body: { size: bytes.length, data: bytes.toString('base64url') } })
  }
}
