import type { IncomingHttpHeaders } from 'node:http'
import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { GatewayError } from '#shared/errors.ts'
import type { Caller } from '../accounts/bearer-tokens.ts'
import { noteFailure, rpcErrorOf, sendRpcError } from '../http/json-rpc-error.ts'
import { onResponseClose } from '../http/on-response-close.ts'
import type { Exchange } from '../relay/exchange.ts'
import { shortBody } from '../relay/short-body.ts'
import type { RunningWorker, WorkerLease } from '../supervisor/supervisor.ts'
import type { ClientStreams } from './client-streams.ts'
import { discard } from './open-session-stream.ts'
import { connectionsTo } from './worker-connections.ts'
import { answerHeaders, boundsOf, headersToWorker } from './worker-headers.ts'
import { awaitFinalReports, onlyRequestId, workerGone } from './worker-lost.ts'

/** Whether the headers say `subscriptions/listen`, the one request of MCP 2026-07-28 that stays open. */
export const isListen = (headers: IncomingHttpHeaders): boolean =>
  headers['mcp-method'] === 'subscriptions/listen'

/** A client that asks for a stream waits no longer than this for its beginning; the worker may come later. */
export const PATIENCE_MS = 300

/** Sends the request to a worker. */
type Issue = ReturnType<typeof issuing>

/**
 * Serves `subscriptions/listen`: the request is small, so it is kept and issued again to each later worker
 * of the account, while the client's stream stays open here.
 */
export async function listen(
  parts: { readonly streams: ClientStreams; readonly resourceMetadataUrl: string },
  exchange: Exchange,
  request: FastifyRequest,
  reply: FastifyReply
): Promise<void> {
  const { streams } = parts
  const { worker, caller, abort } = exchange
  const issue = issuing(request, caller, exchange)
  const leave = streams.enter(caller.userId)
  onResponseClose(reply, leave)
  const first = await issue(worker, abort.signal).catch(async () => {
    await awaitFinalReports(exchange)
    sendRpcError(reply, workerGone(), onlyRequestId(exchange))
    return undefined
  })
  if (!first) return
  if (!isStream(first)) {
    leave()
    const answer = await shortBody(first.body).catch(() => undefined)
    if (!answer) return void sendRpcError(reply, workerGone(), onlyRequestId(exchange))
    const headers = answerHeaders(first.headers, boundsOf(parts, request))
    reply.code(first.statusCode).headers(headers).send(answer)
    return
  }
  await streams.openListen(exchange, leave, { from: first.body, worker }, againBy(issue))
}

/**
 * As `listen`, while the worker is still on its way: the stream is open at once, and what the worker says comes
 * when it is there. Resolves when that is so, or when it will not come and the client was told.
 */
export async function listenAhead(
  streams: ClientStreams,
  request: FastifyRequest,
  reply: FastifyReply,
  { caller, worker }: { readonly caller: Caller; readonly worker: Promise<WorkerLease> }
): Promise<void> {
  const issue = issuing(request, caller, { id: '', requestId: request.id })
  const leave = streams.enter(caller.userId)
  onResponseClose(reply, leave)
  await streams.openListen({ caller, reply }, leave, undefined, againBy(issue))
  try {
    const lease = await worker
    await streams.bind(caller.userId)
    lease.release()
  } catch (error) {
    noteFailure(request, error)
    const told = JSON.stringify(rpcErrorOf(error, request.peeked?.rpcId ?? null, request.id))
    if (!reply.raw.destroyed) reply.raw.end(`event: message\ndata: ${told}\n\n`)
  }
}

function issuing(
  request: FastifyRequest,
  caller: Caller,
  { id, requestId }: Pick<Exchange, 'id' | 'requestId'>
) {
  const body = smallBodyOf(request)
  const { 'content-length': _, ...headers } = request.headers
  return (to: RunningWorker, signal?: AbortSignal) =>
    connectionsTo(to).request({
      method: 'POST',
      path: '/mcp',
      headers: headersToWorker(headers, { id, caller, requestId }),
      body,
      ...(signal && { signal })
    })
}

/** A refusal is of interest only to a client that has not been told that it is heard. */
const againBy =
  (issue: Issue) =>
  async (later: RunningWorker, isAcknowledged: boolean): Promise<Readable | undefined> => {
    const answer = await issue(later)
    if (isStream(answer)) return answer.body
    if (isAcknowledged || answer.statusCode === 503) {
      discard(answer.body)
      return undefined
    }
    const refusal: unknown = await answer.body.json()
    return Readable.from([Buffer.from(`event: message\ndata: ${JSON.stringify(refusal)}\n\n`)])
  }

const isStream = ({ headers }: Awaited<ReturnType<Issue>>): boolean =>
  String(headers['content-type']).startsWith('text/event-stream')

/** A subscription names event types and resource URIs: what is not small enough to be read whole is not one. */
function smallBodyOf({ peeked }: FastifyRequest): Buffer {
  if (Buffer.isBuffer(peeked?.body)) return peeked.body
  throw new GatewayError(
    'ERR_BODY_TOO_LARGE',
    'A request of subscriptions/listen may have 64 KiB at most; ask for less in one.'
  )
}
