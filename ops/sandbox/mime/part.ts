import { type Header, headerValue, parseHeaders } from './headers.ts'
import { parseParameters } from './parameters.ts'

/** One node of a message's MIME tree, named as Gmail names it. */
export interface MimePart {
  /** Empty for the root, then `0`, `1`, `1.0`…: the same at every read. */
  readonly partId: string
  readonly headers: readonly Header[]
  readonly mimeType: string
  readonly charset: string | undefined
  /** Decoded; empty when the part has no name. */
  readonly filename: string
  /** Without its transfer encoding; empty for a multipart. */
  readonly content: Buffer
  readonly parts: readonly MimePart[]
}

/** Deeper parts are kept as they are, unread: no mail can exhaust the stack. */
const MAX_DEPTH = 60

/** The MIME tree of a message (RFC 2045, RFC 2046). Never throws: what is broken is read as plain content. */
export function parseMime(raw: Buffer): MimePart {
  return parsePart(raw.toString('latin1'), '', 0, 'text/plain')
}

function parsePart(text: string, partId: string, depth: number, usual: string): MimePart {
  const { head, body } = splitHead(text)
  const headers = parseHeaders(head)
  const type = parseParameters(headerValue(headers, 'Content-Type') ?? usual)
  const disposition = parseParameters(headerValue(headers, 'Content-Disposition') ?? '')
  const mimeType = /^[\w.+-]+\/[\w.+-]+$/.test(type.value) ? type.value : 'text/plain'
  const leaf = {
    partId,
    headers,
    mimeType,
    charset: type.parameters.get('charset'),
    filename: disposition.parameters.get('filename') ?? type.parameters.get('name') ?? ''
  }
  const boundary = type.parameters.get('boundary')
  if (mimeType.startsWith('multipart/') && boundary && depth < MAX_DEPTH) {
    // RFC 2046 §5.1.5: what a digest holds is a message unless it says otherwise.
    const usualOfParts = mimeType === 'multipart/digest' ? 'message/rfc822' : 'text/plain'
    const parts = splitMultipart(body, boundary).map((child, index) =>
      parsePart(child, childId(partId, index), depth + 1, usualOfParts)
    )
    if (parts.length > 0) return { ...leaf, content: Buffer.alloc(0), parts }
  }
  const content = decodeTransfer(body, headerValue(headers, 'Content-Transfer-Encoding'))
  const hasMessage = mimeType === 'message/rfc822' && depth < MAX_DEPTH
  const parts = hasMessage
    ? [parsePart(content.toString('latin1'), childId(partId, 0), depth + 1, 'text/plain')]
    : []
  return { ...leaf, content, parts }
}

/** The tree's nodes, each before its children. */
export function* walkParts(part: MimePart): Generator<MimePart> {
  yield part
  for (const child of part.parts) yield* walkParts(child)
}

const childId = (parent: string, index: number) =>
  parent === '' ? `${index}` : `${parent}.${index}`

/** A header's line: a name with a colon, a folded one, or the line before a message of an mbox. */
const OF_HEADER = /^([!-9;-~]+[ \t]*:|[ \t]|>?From )/

/**
 * Where the header block ends: at an empty line, or at one that cannot belong to it. RFC 5322 wants the empty line; but
 * what stands below a header in its place is words of somebody.
 */
function splitHead(text: string): { head: string; body: string } {
  for (let at = 0; at < text.length; ) {
    const end = text.indexOf('\n', at)
    const next = end === -1 ? text.length : end + 1
    const line = text.slice(at, next).replace(/\r?\n$/, '')
    if (line === '') return { head: text.slice(0, at), body: text.slice(next) }
    if (!OF_HEADER.test(line)) return { head: text.slice(0, at), body: text.slice(at) }
    at = next
  }
  return { head: text, body: '' }
}

/** The pieces between delimiters (RFC 2046 §5.1.1); a missing closing delimiter ends at the end. */
function splitMultipart(body: string, boundary: string): string[] {
  const pieces: string[] = []
  const delimiter = `--${boundary}`
  let start: number | undefined
  for (let at = lineStart(body, delimiter, 0); at !== -1; ) {
    const end = body.indexOf('\n', at)
    const line = body.slice(at, end === -1 ? undefined : end).trimEnd()
    if (line !== delimiter && line !== `${delimiter}--`) {
      at = lineStart(body, delimiter, at + delimiter.length)
      continue
    }
    if (start !== undefined) pieces.push(body.slice(start, at).replace(/\r?\n$/, ''))
    if (line !== delimiter || end === -1) return pieces
    start = end + 1
    at = lineStart(body, delimiter, start)
  }
  if (start !== undefined) pieces.push(body.slice(start))
  return pieces
}

function lineStart(text: string, wanted: string, from: number): number {
  for (let at = text.indexOf(wanted, from); at !== -1; at = text.indexOf(wanted, at + 1)) {
    if (at === 0 || text[at - 1] === '\n') return at
  }
  return -1
}

function decodeTransfer(body: string, encoding = '7bit'): Buffer {
  switch (encoding.trim().toLowerCase()) {
    case 'base64':
      return Buffer.from(body, 'base64')
    case 'quoted-printable':
      return Buffer.from(
        body
          .replace(/[ \t]+(?=\r?\n)/g, '')
          .replace(/=\r?\n/g, '')
          .replace(/=([0-9a-f]{2})/gi, (_, hex: string) =>
            String.fromCharCode(Number.parseInt(hex, 16))
          ),
        'latin1'
      )
    default:
      return Buffer.from(body, 'latin1')
  }
}
