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
    if (!response.ok) for (const message of messagesIn(parsedBody)) this.#ids.refused(message)
    return response
  }

  override send(
    message: JSONRPCMessage,
    options?: { relatedRequestId?: RequestId }
  ): Promise<void> {
    return super.send(this.#ids.outbound(message), options)
  }

  #keyed(body: unknown): unknown {
    if (!Array.isArray(body)) return isMessage(body) ? this.#ids.inbound(body) : body
    return body.flatMap((item) => (isMessage(item) ? (this.#ids.inbound(item) ?? []) : [item]))
  }
}

const messagesIn = (body: unknown): JSONRPCMessage[] => [body].flat().filter(isMessage)

/** Enough to be re-keyed; the transport validates the whole message. */
const isMessage = (body: unknown): body is JSONRPCMessage =>
  typeof body === 'object' && body !== null && ('id' in body ? isId(body.id) : 'method' in body)

const isId = (id: unknown): boolean => typeof id === 'string' || typeof id === 'number'
