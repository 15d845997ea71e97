import { ToolError } from '#shared/tool-error.ts'
import type { ToolErrorCode } from '#shared/tool-error-codes.ts'

/** Takes the file that comes under a name, and gives its SHA-256. Throws a ToolError. */
export type ReceiveUpload = (uploadId: string, chunks: AsyncIterable<Uint8Array>) => Promise<string>

const STATUS: Partial<Record<ToolErrorCode, number>> = { not_found: 404, rate_limited: 409 }

/** Answers the gateway's `PUT /upload?uploadId=…`: 201 when the file has come whole, 409 while another one is coming. */
export async function serveUpload(request: Request, receive: ReceiveUpload): Promise<Response> {
  const uploadId = new URL(request.url).searchParams.get('uploadId') ?? ''
  try {
    const sha256 = await receive(uploadId, request.body ?? nothing())
    return line(201, `Received. Attach it with uploadId ${uploadId}. SHA-256 ${sha256}`)
  } catch (error) {
    if (!(error instanceof ToolError)) return line(400, 'The file did not arrive whole.')
    return line(STATUS[error.code] ?? 400, error.message)
  }
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

const line = (status: number, text: string): Response =>
  new Response(text, { status, headers: { 'content-type': 'text/plain' } })
