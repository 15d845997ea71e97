import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { toNodeHandler } from '@modelcontextprotocol/node'
import {
  hostHeaderValidationResponse,
  localhostAllowedHostnames,
  localhostAllowedOrigins,
  originValidationResponse
} from '@modelcontextprotocol/server'
import { asSessionId } from '#shared/ids.ts'
import { sessionHash } from '#shared/session-hash.ts'
import { createEndpoint, type Endpoint } from '../../worker/mcp/endpoint.ts'
import { promptResponse } from '../../worker/prompt-response.ts'
import { buildServer } from '../fixtures/conformance/server.ts'

/** Something that serves the fixture at `url` to whoever bears `token`. */
export interface Target {
  url: string
  token: string
  close(): Promise<void>
}

/** The worker's endpoint alone, in this process: no gateway in between, and no session outlives it. */
export async function startEndpoint(): Promise<Target> {
  const token = 'endpoint-target'
  const endpoint = createEndpoint(
    () => buildServer(),
    { opened: () => Promise.resolve(), abandoned: () => undefined },
    () => undefined
  )
  const serve = toNodeHandler({
    fetch: async (request) =>
      hostHeaderValidationResponse(request, localhostAllowedHostnames()) ??
      originValidationResponse(request, localhostAllowedOrigins()) ??
      (request.headers.get('authorization') === `Bearer ${token}`
        ? serveOrEnd(endpoint, request)
        : new Response(null, { status: 401 }))
  })
  const server = createServer((request, response) => {
    const { method = '', url = '', headers } = request
    const body = () => request[Symbol.asyncIterator]()
    void serve({ method, url, headers, [Symbol.asyncIterator]: body }, promptResponse(response)) // never rejects
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    token,
    async close() {
      await endpoint.close()
      if (!server.listening) return
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    }
  }
}

/** Ending a session is the gateway's business, so the endpoint does not do it by itself. */
async function serveOrEnd(endpoint: Endpoint, request: Request): Promise<Response> {
  if (request.method !== 'DELETE') return endpoint.fetch(request, undefined, () => undefined)
  await endpoint.sessions.end(sessionHash(asSessionId(request.headers.get('mcp-session-id') ?? '')))
  return new Response(null, { status: 204 })
}
