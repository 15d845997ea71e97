import type { IncomingHttpHeaders } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { GatewayError } from '#shared/errors.ts'
import type { RunningWorker } from '../supervisor/supervisor.ts'
import { lastWords, soleId, workerGone } from './crash-answer.ts'
import type { Exchange } from './exchange.ts'
import type { ParkedStreams } from './parked-streams.ts'
import { sendRpcError } from './rpc-error.ts'
import { whenClosed } from './when-closed.ts'
import { headersToClient, headersToWorker } from './worker-headers.ts'
import { poolOf } from './worker-pools.ts'
import { discard } from './worker-streams.ts'

/** Whether the headers say `subscriptions/listen`, the one request of MCP 2026-07-28 that stays open. */
export const isListen = (headers: IncomingHttpHeaders): boolean =>
  headers['mcp-method'] === 'subscriptions/listen'

/**
 * Serves `subscriptions/listen`: the request is small, so it is kept and issued again to each later worker
 * of the account, while the client's stream stays open here.
 */
export async function listen(
  streams: ParkedStreams,
  exchange: Exchange,
  request: FastifyRequest,
  reply: FastifyReply
): Promise<void> {
  const { worker, caller, abort } = exchange
  const body = smallBodyOf(request)
  const leave = streams.enter(caller.userId)
  whenClosed(reply, leave)
  const { 'content-length': _, ...headers } = request.headers
  const issue = (to: RunningWorker, signal?: AbortSignal) =>
    poolOf(to).request({
      method: 'POST',
      path: '/mcp',
      headers: headersToWorker(headers, { id: exchange.id, caller, worker: to }),
      body,
      ...(signal && { signal })
    })
  const first = await issue(worker, abort.signal).catch(async () => {
    await lastWords(exchange)
    sendRpcError(reply, workerGone(), soleId(exchange))
    return undefined
  })
  if (!first) return
  if (!String(first.headers['content-type']).startsWith('text/event-stream')) {
    leave()
    const answer = Buffer.from(await first.body.arrayBuffer())
    reply.code(first.statusCode).headers(headersToClient(first.headers)).send(answer)
    return
  }
  await streams.openListen(exchange, leave, first.body, async (later) => {
    const again = await issue(later)
    if (String(again.headers['content-type']).startsWith('text/event-stream')) return again.body
    discard(again.body)
    return undefined
  })
}

/** A subscription names event types and resource URIs: what is not small enough to be read whole is not one. */
function smallBodyOf({ peeked }: FastifyRequest): Buffer {
  if (Buffer.isBuffer(peeked?.body)) return peeked.body
  throw new GatewayError(
    'ERR_BODY_TOO_LARGE',
    'A request of subscriptions/listen may have 64 KiB at most; ask for less in one.'
  )
}
