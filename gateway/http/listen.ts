import type { IncomingHttpHeaders } from 'node:http'
import type { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { byteLimit } from './byte-limit.ts'
import { lastWords, soleId, workerGone } from './crash-answer.ts'
import type { Exchange } from './exchange.ts'
import type { ParkedStreams } from './parked-streams.ts'
import { sendRpcError } from './rpc-error.ts'
import { headersToClient, headersToWorker } from './worker-headers.ts'
import { poolOf } from './worker-pools.ts'

/** A subscription names event types and resource URIs; more than this is not one. */
const BODY_LIMIT = 64 * 1024

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
  const body = await readBody(request.body)
  const { 'content-length': _, ...headers } = request.headers
  const issue = (to: Pick<Exchange, 'id' | 'caller' | 'worker'>) =>
    poolOf(to.worker).request({
      method: 'POST',
      path: '/mcp',
      headers: headersToWorker(headers, to),
      body
    })
  const first = await issue(exchange).catch(async () => {
    await lastWords(exchange)
    sendRpcError(reply, workerGone(), soleId(exchange))
    return undefined
  })
  if (!first) return
  if (!String(first.headers['content-type']).startsWith('text/event-stream')) {
    const answer = Buffer.from(await first.body.arrayBuffer())
    reply.code(first.statusCode).headers(headersToClient(first.headers)).send(answer)
    return
  }
  await streams.openListen(exchange.caller, reply, first.body, async (worker) => {
    const again = await issue({ id: exchange.id, caller: exchange.caller, worker })
    if (String(again.headers['content-type']).startsWith('text/event-stream')) return again.body
    again.body.on('error', () => {}).destroy()
    return undefined
  })
}

async function readBody(body: unknown): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of (body as Readable).pipe(byteLimit(BODY_LIMIT, () => {})))
    chunks.push(chunk)
  return Buffer.concat(chunks)
}
