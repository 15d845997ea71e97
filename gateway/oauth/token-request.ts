import { IncomingMessage } from 'node:http'
import { settleResource } from './resource-indicator.ts'

/**
 * A token request whose body was read already, for a reader that wants to read it by itself: the same request with
 * `resource` in our own spelling. Undefined when it asks for a resource that is not ours (RFC 8707 §2.2): refused before
 * anybody looks at the code or the refresh token, such a request spends neither.
 */
export function settledTokenRequest(
  raw: IncomingMessage,
  body: Buffer,
  ours: string
): IncomingMessage | undefined {
  const parameters = new URLSearchParams(body.toString('utf8'))
  if (!settleResource(parameters, ours)) return undefined
  const settled = Buffer.from(parameters.toString())
  const request = new IncomingMessage(raw.socket)
  request.method = raw.method
  request.url = raw.url
  request.httpVersion = raw.httpVersion
  request.httpVersionMajor = raw.httpVersionMajor
  request.httpVersionMinor = raw.httpVersionMinor
  request.headers = { ...raw.headers, 'content-length': String(settled.byteLength) }
  delete request.headers['transfer-encoding']
  request.push(settled)
  request.push(null)
  request.complete = true
  return request
}
