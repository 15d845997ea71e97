import { once } from 'node:events'
import { type IncomingMessage, type Server, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { type RawData, type WebSocket, WebSocketServer } from 'ws'
import type { Clock } from '#shared/clock.ts'
import { pathFor } from '../http/normalize-request.ts'
import { Bridge, type Client } from './bridge.ts'
import type { Turn } from './event-messages.ts'
import type { Loopback } from './loopback.ts'

/** The subprotocol of MCP clients. */
const SUBPROTOCOL = 'mcp'
/** Pages cannot send an Authorization header with a WebSocket: they offer the token as a second subprotocol. */
const BEARER = /^bearer\.([\w.~+/=-]+)$/
/** A client that has opened its socket sends `initialize` within this time. */
const SILENCE_MS = 30_000
const PING_MS = 15_000
/** Sockets without a session: these are not counted for an account yet. */
const MOST_SILENT = 1000
/** Messages of one client that are on their way in; its socket is not read meanwhile. */
const MOST_TAKEN = 8

/** WebSocket close codes (RFC 6455 §7.4.1; 1012 is registered as "Service Restart"). */
const CLOSE = { unsupported: 1003, policy: 1008, restart: 1012 } as const

export interface WebSocketTransportParts {
  readonly clock: Clock
  readonly loopback: Loopback
  readonly turn: Turn
  readonly maxBody: number
}

/** Whether a request asks for a WebSocket to `/mcp`; every other upgrade is ignored (RFC 9110 §7.8). */
export const asksForWebSocket = (request: IncomingMessage): boolean =>
  request.headers.upgrade?.toLowerCase() === 'websocket' &&
  pathFor(request, false).split('?', 1)[0] === '/mcp'

/**
 * MCP over WebSocket on `/mcp`: a JSON-RPC message in each text frame. The upgrade is decided by what a plain
 * request with the same headers would be told. The returned function ends what is open; it may be called
 * more than once.
 */
export function webSocketTransport(server: Server, parts: WebSocketTransportParts): () => void {
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: parts.maxBody,
    perMessageDeflate: false,
    handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false)
  })
  const silent = new Set<WebSocket>()
  const cancelPings = pingAll(sockets.clients, parts.clock)

  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => {}) // it has left
    const client = clientOf(request)
    void refusalOf(parts.loopback, client).then((refused) => {
      const status =
        refused ?? (silent.size < MOST_SILENT ? undefined : { status: 503, fields: [] })
      if (status) refuse(socket, status)
      else
        sockets.handleUpgrade(request, socket, head, (opened) =>
          serve(opened, client, parts, silent)
        )
    })
  })
  return () => {
    cancelPings()
    for (const socket of sockets.clients) socket.close(CLOSE.restart)
  }
}

function serve(
  socket: WebSocket,
  client: Client,
  { clock, loopback, turn }: WebSocketTransportParts,
  silent: Set<WebSocket>
): void {
  const send = (message: string): Promise<void> =>
    new Promise((resolve, reject) => {
      socket.send(message, (error) => (error ? reject(error) : resolve()))
    })
  const ended = (): void => socket.close(CLOSE.restart)
  const bridge = new Bridge({ loopback, client, turn, send, ended })
  silent.add(socket)
  const cancel = clock.after(SILENCE_MS, () => {
    if (!bridge.hasSession) socket.close(CLOSE.policy, 'initialize did not come')
  })
  let taking = 0
  const take = async (message: Buffer): Promise<void> => {
    taking += 1
    if (taking >= MOST_TAKEN) socket.pause()
    const { status, body } = await bridge.receive(message, {
      'content-type': 'application/json',
      'content-length': message.byteLength
    })
    taking -= 1
    socket.resume()
    if (bridge.hasSession) silent.delete(socket)
    if (status === 202) return
    await send(body) // a JSON-RPC error, with the id of the request
    if (status === 401) socket.close(CLOSE.policy, 'sign in again')
  }
  socket.on('message', (data, isBinary) => {
    if (isBinary) socket.close(CLOSE.unsupported)
    else take(bytesOf(data)).catch(() => socket.terminate()) // it has left
  })
  socket.on('error', () => {}) // `close` follows
  socket.on('close', () => {
    cancel()
    silent.delete(socket)
    bridge.close()
  })
}

/** Asks as the client would; undefined when it would be let in: HEAD is no method of `/mcp`, for those who may call. */
async function refusalOf(loopback: Loopback, { ip, headers }: Client) {
  const request = loopback.request({ method: 'HEAD', path: '/mcp', ip, headers })
  const answered = once(request, 'response')
  request.end()
  const [answer] = (await answered) as [IncomingMessage]
  answer.resume()
  if (answer.statusCode === 405) return undefined
  const fields = ['www-authenticate', 'retry-after'].flatMap((name) =>
    typeof answer.headers[name] === 'string' ? [`${name}: ${answer.headers[name]}`] : []
  )
  return { status: answer.statusCode ?? 500, fields }
}

function refuse(
  socket: Duplex,
  { status, fields }: { readonly status: number; readonly fields: readonly string[] }
): void {
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    ...fields,
    'content-length: 0',
    'connection: close'
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n`)
}

function clientOf({ headers, socket }: IncomingMessage): Client {
  const { host, origin, 'x-forwarded-for': forwarded } = headers
  const offered = headers['sec-websocket-protocol']?.split(',') ?? []
  const [token] = offered.flatMap((one) => BEARER.exec(one.trim())?.slice(1) ?? [])
  const authorization =
    headers.authorization ?? (token === undefined ? undefined : `Bearer ${token}`)
  return {
    ip: socket.remoteAddress ?? '',
    headers: {
      host,
      ...(forwarded !== undefined && { 'x-forwarded-for': forwarded }),
      ...(origin !== undefined && { origin }),
      ...(authorization !== undefined && { authorization })
    }
  }
}

const bytesOf = (data: RawData): Buffer =>
  Array.isArray(data) ? Buffer.concat(data) : Buffer.isBuffer(data) ? data : Buffer.from(data)

/** Finds out who has left without a word; whoever does not answer a ping by the next one has. */
function pingAll(clients: ReadonlySet<WebSocket>, clock: Clock): () => void {
  const asked = new WeakSet<WebSocket>()
  let cancel = (): void => {}
  const later = (): void => {
    cancel = clock.after(PING_MS, () => {
      for (const socket of clients) {
        if (asked.has(socket)) {
          socket.terminate()
          continue
        }
        asked.add(socket)
        socket.once('pong', () => asked.delete(socket))
        socket.ping()
      }
      later()
    })
  }
  later()
  return () => cancel()
}
