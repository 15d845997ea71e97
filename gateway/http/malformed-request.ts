import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { requestIdOf } from '../telemetry/request-id.ts'

/** What Node could not make a request of, by its code, as clients are told. */
const KNOWN: Readonly<Record<string, readonly [status: number, message: string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'The request did not arrive in time.'],
  HPE_HEADER_OVERFLOW: [431, 'The header fields are too large.']
}

/** Answers bytes that are no HTTP request, and closes the connection: where the next one begins is not known. */
export function malformedRequest(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const [status, message] = KNOWN[error.code ?? ''] ?? [400, 'This is not an HTTP/1.1 request.']
  const requestId = requestIdOf(undefined)
  const body = JSON.stringify({ error: { code: 'ERR_BAD_REQUEST', message, requestId } })
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
    `X-Request-Id: ${requestId}`
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
}
