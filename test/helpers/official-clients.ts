import {
  Client as ModernClient,
  StreamableHTTPClientTransport as ModernTransport
} from '@modelcontextprotocol/client'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import type { Endpoint } from './mcp-http.ts'

export type Fetch = (url: string | URL, init?: RequestInit) => Promise<Response>

/** What the official client libraries have in common. */
export interface OfficialClient {
  connect(): Promise<void>
  callTool(name: string, args: object): Promise<unknown>
  onError(hear: (error: Error) => void): void
  close(): Promise<void>
}

const INFO = { name: 'test-assistant', version: '1.0.0' }

/** Both client libraries, in a session of MCP 2025-11-25, with a personal token; `fetch` is in the place of the global one. */
export const OFFICIAL_CLIENTS: Readonly<
  Record<string, (me: Endpoint, fetch: Fetch) => OfficialClient>
> = {
  'sdk 1.x': ({ url, token }, fetch) => {
    const requestInit = { headers: { authorization: `Bearer ${token}` } }
    const client = new Client(INFO)
    const transport = new StreamableHTTPClientTransport(new URL(url), { requestInit, fetch })
    return {
      // Its types do not allow for `exactOptionalPropertyTypes`.
      connect: () => client.connect(transport as Parameters<Client['connect']>[0]),
      callTool: (name, args) => client.callTool({ name, arguments: { ...args } }),
      onError: (hear) => (client.onerror = hear),
      close: () => client.close()
    }
  },
  'client 2.x': ({ url, token }, fetch) => {
    const requestInit = { headers: { authorization: `Bearer ${token}` } }
    const client = new ModernClient(INFO)
    const transport = new ModernTransport(new URL(url), { requestInit, fetch })
    return {
      connect: () => client.connect(transport),
      callTool: (name, args) => client.callTool({ name, arguments: { ...args } }),
      onError: (hear) => (client.onerror = hear),
      close: () => client.close()
    }
  }
}

/**
 * Proxies such as nginx 1.22 and Caddy 2.6, as far as a client sees them: an event stream that its server breaks off ends like
 * one that is over.
 */
export const endingQuietly =
  (through: Fetch): Fetch =>
  async (url, init) => {
    const response = await through(url, init)
    if (!response.body) return response
    const from = response.body.getReader()
    const body = new ReadableStream<Uint8Array>({
      async pull(to) {
        const { value, done } = await from.read().catch(() => ({ value: undefined, done: true }))
        if (done) to.close()
        else to.enqueue(value)
      },
      cancel: (reason) => from.cancel(reason)
    })
    return new Response(body, { status: response.status, headers: response.headers })
  }
