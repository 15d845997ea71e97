import {
  type JSONRPCMessage,
  type McpHandlerRequestOptions,
  type RequestId,
  WebStandardStreamableHTTPServerTransport
} from '@modelcontextprotocol/server'
import { RequestIds } from './request-ids.ts'

/** One legacy session's transport, in which equal JSON-RPC ids of concurrent calls do not collide. */
export class KeyedTransport extends WebStandardStreamableHTTPServerTransport {
  readonly #ids = new RequestIds()
  /** Keys of requests in flight that share their response stream with others (MCP 2025-03-26, batches). */
  readonly #batched = new Set<RequestId>()

  /** Like `handleRequest`, for a body that has been read and parsed; a GET has none. */
  async handle(
    request: Request,
    body: unknown,
    authInfo: McpHandlerRequestOptions['authInfo']
  ): Promise<Response> {
    // A GET stream whose reader has gone is noticed at the next event only; its successor cannot wait.
    if (request.method === 'GET') this.closeStandaloneSSEStream()
    const parsedBody = this.#keyed(body)
    // A cancellation that several calls answer to is accepted and goes no further.
    if (parsedBody === undefined && body !== undefined) return new Response(null, { status: 202 })
    const response = await this.handleRequest(request, {
      parsedBody,
      ...(authInfo && { authInfo })
    })
    for (const message of messagesIn(parsedBody)) this.#settle(message, response.ok)
    return response
  }

  override send(
    message: JSONRPCMessage,
    options?: { relatedRequestId?: RequestId }
  ): Promise<void> {
    if (!('method' in message) && message.id !== undefined) this.#batched.delete(message.id)
    return super.send(this.#ids.outbound(message), options)
  }

  #keyed(body: unknown): unknown {
    if (!Array.isArray(body)) return isMessage(body) ? this.#ids.inbound(body) : body
    const keyed = body.flatMap((item) =>
      isMessage(item) ? (this.#ids.inbound(item) ?? []) : [item]
    )
    for (const message of messagesIn(keyed)) {
      if ('method' in message && 'id' in message) this.#batched.add(message.id)
    }
    return keyed
  }

  /** No answer will come to what was refused or cancelled: nothing is kept for it, no stream stays open. */
  #settle(message: JSONRPCMessage, accepted: boolean): void {
    if (!accepted) {
      if ('id' in message && message.id !== undefined) this.#batched.delete(message.id)
      this.#ids.refused(message)
    } else if ('method' in message && message.method === 'notifications/cancelled') {
      const key = message.params?.requestId
      if (typeof key === 'string' && !this.#batched.has(key)) this.closeSSEStream(key)
    }
  }
}

const messagesIn = (body: unknown): JSONRPCMessage[] => [body].flat().filter(isMessage)

/** Enough to be re-keyed; the transport validates the whole message. */
const isMessage = (body: unknown): body is JSONRPCMessage =>
  typeof body === 'object' && body !== null && ('id' in body ? isId(body.id) : 'method' in body)

const isId = (id: unknown): boolean => typeof id === 'string' || typeof id === 'number'
