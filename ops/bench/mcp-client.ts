import { Client, errors } from 'undici'

/** Where MCP is served and as whom to speak there. */
export interface Target {
  /** An origin, e.g. `http://127.0.0.1:3006`. */
  readonly origin: string
  readonly socketPath?: string | undefined
  readonly headers: Readonly<Record<string, string>>
  /** Of the protocol: 2025-11-25, with sessions (when missing), or 2026-07-28, without. */
  readonly era?: '2025' | '2026' | undefined
}

const PROTOCOL = '2025-11-25'
const MODERN = '2026-07-28'
const CLIENT = { name: 'bench', version: '1.0.0' }
const META = {
  'io.modelcontextprotocol/protocolVersion': MODERN,
  'io.modelcontextprotocol/clientCapabilities': {},
  'io.modelcontextprotocol/clientInfo': CLIENT
}
const HEADERS = {
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream'
}

/** One keep-alive connection, and in the older era one session on it. The same code speaks to every side. */
export class McpClient {
  readonly target: Target
  readonly #connection: Client
  #session: Record<string, string> = {}
  #asked = 0

  constructor(target: Target) {
    this.target = target
    const { origin, socketPath } = target
    this.#connection = new Client(origin, {
      ...(socketPath !== undefined && { socketPath }),
      headersTimeout: 30_000,
      bodyTimeout: 30_000,
      keepAliveTimeout: 120_000
    })
  }

  /**
   * Opens a session: `initialize`, then `notifications/initialized`; where there are none, asks what the server is.
   * Rejects when it is refused.
   */
  async open(): Promise<void> {
    this.#session = {}
    if (this.#isModern) {
      await this.#request('server/discover', {})
      return
    }
    const id = await this.#request('initialize', {
      protocolVersion: PROTOCOL,
      capabilities: {},
      clientInfo: CLIENT
    })
    this.#session = { 'mcp-session-id': String(id), 'mcp-protocol-version': PROTOCOL }
    await this.#post({ jsonrpc: '2.0', method: 'notifications/initialized' }, 202)
  }

  async listTools(): Promise<void> {
    await this.#request('tools/list', {})
  }

  /** Rejects unless the tool was called and answered. */
  async call(name: string, args: object): Promise<void> {
    await this.#request('tools/call', { name, arguments: args })
  }

  /** Ends the session, as a client does that will not come back, where clients may (MCP 2025-11-25, Session Management). */
  async end(): Promise<void> {
    if (this.#isModern) return
    const { statusCode, body } = await this.#connection.request({
      method: 'DELETE',
      path: '/mcp',
      headers: { ...this.target.headers, ...this.#session }
    })
    await body.dump()
    if (statusCode !== 200 && statusCode !== 405)
      throw new Error(`The session was not ended: HTTP ${statusCode}`)
  }

  /** May be called more than once. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#connection.destroyed) await this.#connection.destroy()
  }

  get #isModern(): boolean {
    return this.target.era === '2026'
  }

  async #request(method: string, params: object): Promise<string | undefined> {
    this.#asked += 1
    const all = this.#isModern ? { ...params, _meta: META } : params
    const { text, sessionId } = await this.#post(
      { jsonrpc: '2.0', id: this.#asked, method, params: all },
      200,
      this.#isModern ? modernHeaders(method, params) : this.#session
    )
    if (!text.includes('"result"') || text.includes('"isError":true'))
      throw new Error(`${method} was answered: ${text.slice(0, 300)}`)
    return sessionId
  }

  async #post(message: object, expected: number, more: Record<string, string> = this.#session) {
    const send = () =>
      this.#connection.request({
        method: 'POST',
        path: '/mcp',
        headers: { ...HEADERS, ...this.target.headers, ...more },
        body: JSON.stringify(message)
      })
    const { statusCode, headers, body } = await send().catch((error) => {
      if (error instanceof errors.SocketError) return send() // a server closes what was quiet for long
      throw error
    })
    const text = await body.text()
    if (statusCode !== expected) throw new Error(`HTTP ${statusCode}: ${text.slice(0, 300)}`)
    const sessionId = headers['mcp-session-id']
    return { text, sessionId: typeof sessionId === 'string' ? sessionId : undefined }
  }
}

/** MCP 2026-07-28, Streamable HTTP, "Standard Request Headers". */
const modernHeaders = (method: string, params: object): Record<string, string> => ({
  'mcp-protocol-version': MODERN,
  'mcp-method': method,
  ...('name' in params && { 'mcp-name': String(params.name) })
})

/** What a client does before its first call. */
export async function startSession(client: McpClient): Promise<void> {
  await client.open()
  await client.listTools()
}
