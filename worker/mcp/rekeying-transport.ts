import type { ServerResponse } from 'node:http'
import {
  type JSONRPCMessage,
  type JSONRPCRequest,
  type McpHandlerRequestOptions,
  type RequestId,
  type ScopeChallengeHandler,
  WebStandardStreamableHTTPServerTransport
} from '@modelcontextprotocol/server'
import { DirectAnswer } from './direct-answer.ts'
import { RequestIdMap } from './request-id-map.ts'

type AuthInfo = McpHandlerRequestOptions['authInfo']

/** One legacy session's transport, in which equal JSON-RPC ids of concurrent calls do not collide. */
export class RekeyingTransport extends WebStandardStreamableHTTPServerTransport {
  readonly #ids = new RequestIdMap()
  /** Keys of requests in flight that share their response stream with others (MCP 2025-03-26, batches). */
  readonly #batched = new Set<RequestId>()
  /** Of requests in flight that are served without the SDK's transport. */
  readonly #direct = new Map<RequestId, DirectAnswer>()
  #challenge: ScopeChallengeHandler | undefined
  #versions: readonly string[] = []
  #isClosed = false

  override setScopeChallengeResolver(resolver: ScopeChallengeHandler): void {
    super.setScopeChallengeResolver(resolver)
    this.#challenge = resolver
  }

  override setSupportedProtocolVersions(versions: string[]): void {
    super.setSupportedProtocolVersions(versions)
    this.#versions = versions
  }

  /**
   * Serves a request that is plain, of a client that takes both forms of an answer, without the web's Request and
   * Response in between. `version` is what its header says. False, and nothing is done, when there is a reason not to
   * serve it: `handle` finds it again and says it.
   */
  async serve(
    request: JSONRPCRequest,
    {
      version,
      authInfo,
      to
    }: { version: string | undefined; authInfo: AuthInfo; to: ServerResponse }
  ): Promise<boolean> {
    if (version !== undefined && !this.#versions.includes(version)) return false
    if (request.method === 'tools/call' && (await this.#isRefused(request, authInfo))) return false
    if (this.sessionId === undefined || this.#isClosed) return false
    const keyed = this.#ids.inbound(request)
    if (!keyed || !('id' in keyed) || keyed.id === undefined) return false
    this.#direct.set(keyed.id, new DirectAnswer(to, this.sessionId))
    this.onmessage?.(keyed, authInfo && { authInfo })
    return true
  }

  override async close(): Promise<void> {
    this.#isClosed = true
    for (const answer of this.#direct.values()) answer.end()
    this.#direct.clear()
    await super.close()
  }

  /** Like `handleRequest`, for a body that has been read and parsed; a GET has none. */
  async handle(request: Request, body: unknown, authInfo: AuthInfo): Promise<Response> {
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
    const key = 'method' in message ? options?.relatedRequestId : message.id
    const direct = key === undefined ? undefined : this.#direct.get(key)
    if (key !== undefined && direct) {
      if ('method' in message) direct.event(message)
      else {
        this.#direct.delete(key)
        direct.answer(this.#ids.outbound(message))
      }
      return Promise.resolve()
    }
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
      if (typeof key !== 'string' || this.#batched.has(key)) return
      this.#direct.get(key)?.end()
      if (!this.#direct.delete(key)) this.closeSSEStream(key)
    }
  }

  /** For want of access, or because that cannot be told. */
  async #isRefused(request: JSONRPCRequest, authInfo: AuthInfo): Promise<boolean> {
    try {
      const refusal = await this.#challenge?.({ request, ...(authInfo && { authInfo }) })
      return refusal !== undefined
    } catch {
      return true
    }
  }
}

const messagesIn = (body: unknown): JSONRPCMessage[] => [body].flat().filter(isMessage)

/** Enough to be re-keyed; the transport validates the whole message. */
const isMessage = (body: unknown): body is JSONRPCMessage =>
  typeof body === 'object' && body !== null && ('id' in body ? isId(body.id) : 'method' in body)

const isId = (id: unknown): boolean => typeof id === 'string' || typeof id === 'number'
