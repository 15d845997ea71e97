import { randomBytes } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Clock } from '#shared/clock.ts'
import { GatewayError } from '#shared/errors.ts'
import type { UserId } from '#shared/ids.ts'
import type { Caller } from '../accounts/bearer-tokens.ts'
import { isJson } from '../http/media-types.ts'
import { onResponseClose } from '../http/on-response-close.ts'
import { presetHeaders } from '../http/preset-headers.ts'
import type { AccessWatch } from '../mcp/access-watch.ts'
import type { CallerLimits } from '../mcp/caller-limits.ts'
import { SseHeartbeat } from '../relay/sse-heartbeat.ts'
import { Bridge } from './bridge.ts'
import type { Turn } from './event-messages.ts'
import type { Loopback } from './loopback.ts'

export interface SseTransportParts {
  readonly clock: Clock
  readonly loopback: Loopback
  readonly turn: Turn
  readonly limits: CallerLimits
  readonly access: AccessWatch
}

interface Connection {
  readonly userId: UserId
  readonly bridge: Bridge
  end(): void
}

type Posted = FastifyRequest<{ Querystring: { sessionId?: string } }>

/**
 * HTTP+SSE, the transport of MCP 2024-11-05: `GET /sse` opens a stream, whose first event says where to send
 * messages; answers come on the stream. Must be registered where callers are authenticated. The returned
 * function ends what is open; it may be called more than once.
 */
export async function sseTransport(
  app: FastifyInstance,
  { clock, loopback, turn, limits, access }: SseTransportParts
): Promise<() => void> {
  const connections = new Map<string, Connection>()
  const keepAlive = new SseHeartbeat(clock)
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, payload, done) => done(null, payload))

  app.get('/sse', { exposeHeadRoute: false }, async (request, reply) => {
    const caller = callerOf(request)
    const { userId } = caller
    limits.spend(userId)
    const leave = limits.enterStream(userId)
    const to = openStream(reply)
    const id = randomBytes(24).toString('base64url')
    const bridge = new Bridge({
      loopback,
      turn,
      client: clientOf(request),
      send: (message) => write(to, `event: message\ndata: ${message}\n\n`),
      ended: () => to.end()
    })
    connections.set(id, { userId, bridge, end: () => to.end() })
    const fallSilent = keepAlive.add({ keepAlive: () => void to.write(': keepalive\n\n') })
    const unwatch = access.add(caller, () => to.end())
    onResponseClose(reply, () => {
      connections.delete(id)
      fallSilent()
      unwatch()
      leave()
      bridge.close()
    })
    await write(to, `event: endpoint\ndata: /messages?sessionId=${id}\n\n`)
    return reply
  })

  app.post('/messages', async (request: Posted, reply) => {
    const connection = connections.get(request.query.sessionId ?? '')
    if (connection?.userId !== callerOf(request).userId)
      throw new GatewayError('ERR_SESSION_UNKNOWN', 'Session not found')
    const type = request.headers['content-type']
    if (!isJson(type))
      throw new GatewayError('ERR_BAD_REQUEST', 'The body must be application/json.')
    const { status, headers, body } = await connection.bridge.receive(bodyOf(request), {
      'content-type': type,
      ...kept(request)
    })
    return reply.code(status).headers(headers).send(body)
  })

  return () => {
    keepAlive.close()
    for (const { end } of connections.values()) end()
  }
}

function openStream(reply: FastifyReply): ServerResponse {
  reply.hijack()
  const to = reply.raw
  to.writeHead(200, {
    'content-type': 'text/event-stream',
    'cache-control': 'no-cache, no-transform',
    'x-accel-buffering': 'no',
    ...presetHeaders(reply)
  }).flushHeaders()
  return to
}

/** Resolves when the bytes were handed over, or cannot be any more. */
const write = (to: ServerResponse, text: string): Promise<void> =>
  new Promise((resolve, reject) => {
    to.write(text, (error) => (error ? reject(error) : resolve()))
  })

/** The token and the host of the request that opened the stream; the page it comes from, if it does. */
const clientOf = ({ ip, headers: { authorization, host, origin } }: FastifyRequest) => ({
  ip,
  headers: { authorization, host, ...(origin !== undefined && { origin }) }
})

/** What one message has of its own. A token may have been renewed meanwhile. */
function kept({ headers }: FastifyRequest) {
  const { authorization, 'content-length': length, 'mcp-protocol-version': version } = headers
  return {
    ...(authorization !== undefined && { authorization }),
    ...(length !== undefined && { 'content-length': length }),
    ...(version !== undefined && { 'mcp-protocol-version': version })
  }
}

const bodyOf = ({ body, raw }: FastifyRequest): Readable => (body instanceof Readable ? body : raw)

function callerOf({ caller }: FastifyRequest): Caller {
  if (!caller) throw new Error('/sse was reached without a caller')
  return caller
}
