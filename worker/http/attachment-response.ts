import { ToolError } from '#shared/tool-error.ts'
import type { FetchedAttachment } from '../messages/fetch-attachment.ts'

export type FetchAttachment = (
  messageId: string,
  partId: string,
  signal: AbortSignal
) => Promise<FetchedAttachment>

const STATUS: Partial<Record<ToolError['code'], number>> = {
  not_found: 404,
  needs_reauth: 403,
  rate_limited: 503,
  too_large: 413
}

/**
 * Answers the gateway's `GET /attachment?messageId=…&partId=…` with the content. It comes from a stranger, so
 * no browser may do anything with it but save it.
 */
export async function serveAttachment(
  request: Request,
  fetchAttachment: FetchAttachment
): Promise<Response> {
  const { searchParams } = new URL(request.url)
  const messageId = searchParams.get('messageId') ?? ''
  const partId = searchParams.get('partId') ?? ''
  try {
    const { attachment, content } = await fetchAttachment(messageId, partId, request.signal)
    return new Response(new Uint8Array(content), {
      headers: {
        'content-type': 'application/octet-stream',
        'content-length': String(content.byteLength),
        'content-disposition': `attachment; filename*=UTF-8''${encodeName(attachment.filename)}`
      }
    })
  } catch (error) {
    const status = error instanceof ToolError ? (STATUS[error.code] ?? 502) : 502
    const message = error instanceof ToolError ? error.message : 'The attachment cannot be read.'
    return new Response(`${message}\n`, { status, headers: { 'content-type': 'text/plain' } })
  }
}

/** RFC 8187 §3.2.1: what encodeURIComponent leaves alone and attr-char does not contain. */
const encodeName = (name: string): string =>
  encodeURIComponent(name).replace(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`
  )
