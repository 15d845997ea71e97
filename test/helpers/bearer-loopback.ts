import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pipeline } from 'node:stream'

/** A proxy on 127.0.0.1 in front of an MCP endpoint that wants a bearer token. */
export interface BearerLoopback {
  /** The endpoint's URL as seen through the proxy. */
  url: string
  /** Cuts what is still open. May be called more than once. */
  close(): Promise<void>
}

/**
 * Adds `Authorization: Bearer <token>` to each request to `target` (http), for clients that cannot send a
 * header, such as the conformance suite. Bodies stream both ways; whichever side goes away first takes the
 * other with it. A Host or Origin other than the proxy's own goes through unchanged, so that the target's
 * own checks are what is tested.
 */
export async function startBearerLoopback(target: string, token: string): Promise<BearerLoopback> {
  const to = new URL(target)
  const server = createServer((incoming, outgoing) => {
    const { method, url: path } = incoming
    const headers = asSentTo(to, own(), incoming.headers, token)
    const upstream = request({ host: to.hostname, port: to.port, method, path, headers })
    upstream.on('response', (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.rawHeaders)
      outgoing.flushHeaders()
      // The failure of either side has destroyed the other; there is nobody left to tell.
      pipeline(answer, outgoing, () => undefined)
    })
    upstream.on('error', () => {
      if (outgoing.headersSent) outgoing.destroy()
      else outgoing.writeHead(502).end()
    })
    outgoing.on('close', () => {
      if (!outgoing.writableFinished) upstream.destroy()
    })
    incoming.pipe(upstream)
  })
  const own = (): string => `127.0.0.1:${(server.address() as AddressInfo).port}`
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://${own()}${to.pathname}`,
    async close() {
      if (!server.listening) return
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    }
  }
}

function asSentTo(
  to: URL,
  own: string,
  headers: IncomingHttpHeaders,
  token: string
): IncomingHttpHeaders {
  const sent: IncomingHttpHeaders = { ...headers, authorization: `Bearer ${token}` }
  if (headers.host === own) sent.host = to.host
  if (headers.origin === `http://${own}`) sent.origin = to.origin
  return sent
}
