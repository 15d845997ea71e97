import { once } from 'node:events'
import { request as ask, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { GatewayError } from '#shared/errors.ts'
import { REQUEST_ID } from '../http/assign-request-id.ts'
import { sendRpcError } from '../http/json-rpc-error.ts'
import { onResponseClose } from '../http/on-response-close.ts'
import { isListen } from './subscriptions-listen.ts'

export type ForwardToSuccessor = (request: FastifyRequest, reply: FastifyReply) => Promise<void>

export interface Successor {
  readonly host: string
  readonly port: number
  /** Whose call is not answered when this is aborted is told to come again. */
  readonly until: AbortSignal
}

/** Hop-by-hop fields (RFC 9110 §7.6.1): each connection has its own. */
const OF_THE_HOP = new Set(['connection', 'keep-alive', 'transfer-encoding', 'upgrade'])

/**
 * Passes a call on to the gateway that has taken the port over: its client used a connection to this one
 * once more, and should not have to notice. Streams would outlive this gateway, so their clients are told
 * to ask again (307, RFC 9110 §15.4.8); over a new connection that reaches the other gateway.
 */
export function forwardTo({ until: signal, ...to }: Successor): ForwardToSuccessor {
  return async (request, reply) => {
    if (request.method === 'GET' || isListen(request.headers)) {
      await reply.code(307).headers({ location: request.url, connection: 'close' }).send()
      return
    }
    const { method, url: path } = request.raw
    const headers = {
      ...withoutHop(request.raw.headers),
      [REQUEST_ID]: request.id,
      ...(request.trace && { traceparent: request.trace.traceparent })
    }
    const onward = ask({ ...to, method, path, headers, agent: false, signal })
    onResponseClose(reply, () => onward.destroy())
    const answered = once(onward, 'response')
    pipeline(bodyOf(request), onward).catch(() => onward.destroy()) // `answered` tells of it
    try {
      const [answer] = (await answered) as [IncomingMessage]
      reply.hijack()
      const all = { ...withoutHop(answer.headers), connection: 'close' }
      reply.raw.writeHead(answer.statusCode ?? 502, all).flushHeaders()
      await pipeline(answer, reply.raw).catch(() => undefined) // both ends are closed then
    } catch (cause) {
      sendRpcError(reply, new GatewayError('ERR_DRAINING', 'Try again.', { cause, retryAfter: 1 }))
    }
  }
}

/** The body as it still is to be read: a hook may have looked into it and put another stream in its place. */
export function bodyOf({ peeked, body, raw }: FastifyRequest): Readable {
  if (peeked) return Buffer.isBuffer(peeked.body) ? Readable.from([peeked.body]) : peeked.body
  return body instanceof Readable ? body : raw
}

const withoutHop = (headers: IncomingHttpHeaders): IncomingHttpHeaders =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !OF_THE_HOP.has(name)))
