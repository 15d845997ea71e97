import { randomBytes } from 'node:crypto'
import type { McpHandlerRequestOptions, McpServer } from '@modelcontextprotocol/server'
import { asSessionId, type SessionId } from '#shared/ids.ts'
import { sessionHash } from '#shared/session-hash.ts'
import type { InitializeParams } from '#shared/worker-protocol.ts'
import { RekeyingTransport } from './rekeying-transport.ts'

type AuthInfo = McpHandlerRequestOptions['authInfo']

/** Where a new session is written down before its client learns the id. */
export interface SessionRecord {
  /** Resolves once the session is durable; rejects when the gateway refuses it. */
  opened(id: SessionId, clientId: string, initialize: InitializeParams): Promise<void>
  /** The session did not come to be after all. */
  abandoned(id: SessionId): void
}

/** The gateway does not store a session. `message` is for the client. */
export class SessionRefused extends Error {
  override readonly name = 'SessionRefused'
  /** Seconds; undefined when the client's request is what is wrong. */
  readonly retryAfter: number | undefined

  constructor(message: string, retryAfter: number | undefined) {
    super(message)
    this.retryAfter = retryAfter
  }
}

interface Session {
  readonly server: McpServer
  readonly transport: RekeyingTransport
}

/**
 * The legacy sessions (MCP 2024-11-05 to 2025-11-25) that live in this process: a server and a transport
 * of its own for each. Durable knowledge of sessions is the gateway's.
 */
export class Sessions {
  /** By the hash of the session id, which is what the gateway calls a session. */
  readonly #live = new Map<string, Session>()
  readonly #build: () => McpServer
  readonly #record: SessionRecord

  constructor(build: () => McpServer, record: SessionRecord) {
    this.#build = build
    this.#record = record
  }

  /**
   * Answers `initialize`: the session is stored first, so that an id a client has seen can be restored.
   * Rejects with SessionRefused when the gateway does not store it.
   */
  async open(
    request: Request,
    body: unknown,
    params: InitializeParams,
    authInfo: AuthInfo
  ): Promise<Response> {
    const id = asSessionId(randomBytes(24).toString('base64url'))
    await this.#record.opened(id, authInfo?.clientId ?? '', params)
    const session = await this.#connect(id)
    const response = await session.transport.handle(request, body, authInfo)
    if (response.status !== 200) {
      this.#record.abandoned(id)
      await this.end(sessionHash(id))
    }
    return response
  }

  /** Serves a request of a live session; undefined when this process does not know it. */
  async serve(
    id: SessionId,
    request: Request,
    body: unknown,
    authInfo: AuthInfo
  ): Promise<Response | undefined> {
    return this.#live.get(sessionHash(id))?.transport.handle(request, body, authInfo)
  }

  /** As `RekeyingTransport.serve`, for a live session; false when this process does not know it. */
  async serveDirectly(
    id: SessionId,
    ...request: Parameters<RekeyingTransport['serve']>
  ): Promise<boolean> {
    return (await this.#live.get(sessionHash(id))?.transport.serve(...request)) ?? false
  }

  /** Replays a stored `initialize` into a fresh transport, so that the session goes on under its id. */
  async restore(id: SessionId, initialize: InitializeParams): Promise<void> {
    if (this.#live.has(sessionHash(id))) return
    const { transport } = await this.#connect(id)
    const headers = {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream'
    }
    const post = (body: object, more = {}): Promise<Response> =>
      transport.handle(
        new Request('http://localhost/mcp', { method: 'POST', headers: { ...headers, ...more } }),
        { jsonrpc: '2.0', ...body },
        undefined
      )
    const opened = await post({ id: 0, method: 'initialize', params: initialize })
    await opened.text()
    const confirmed = await post({ method: 'notifications/initialized' }, { 'mcp-session-id': id })
    if (opened.ok && confirmed.ok) return
    await this.end(sessionHash(id))
    throw new Error(`replay of initialize was answered ${opened.status}/${confirmed.status}`)
  }

  /** Ends a session; its open streams close. Ending one that is not here does nothing. */
  async end(hash: string): Promise<void> {
    await this.#live.get(hash)?.transport.close()
  }

  /** Tells every session's client to list the tools again. */
  toolsChanged(): void {
    for (const { server } of this.#live.values()) server.sendToolListChanged()
  }

  async close(): Promise<void> {
    await Promise.all([...this.#live.keys()].map((hash) => this.end(hash)))
  }

  async #connect(id: SessionId): Promise<Session> {
    const transport = new RekeyingTransport({ sessionIdGenerator: () => id })
    const session = { server: this.#build(), transport }
    await session.server.connect(transport)
    const closed = transport.onclose // the protocol layer's own
    transport.onclose = () => {
      this.#live.delete(sessionHash(id))
      closed?.()
    }
    this.#live.set(sessionHash(id), session)
    return session
  }
}
