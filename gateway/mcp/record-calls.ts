import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { statusOfCode } from '#shared/errors.ts'
import type { Fault } from '#shared/worker-protocol.ts'
import { onResponseClose } from '../http/on-response-close.ts'
import type { Exchange } from '../relay/exchange.ts'
import { type CallContext, type CallLog, faultOf } from '../telemetry/call-log.ts'
import { parseTraceparent } from '../telemetry/trace-context.ts'
import { isListen } from './subscriptions-listen.ts'
import { isTraced, traceCall } from './trace-requests.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Another gateway has answered, or was to. */
    isPassedOn: boolean
  }
}

/** Where calls come in; of the older transports they come by way of the first. */
const TOLD: ReadonlySet<string> = new Set(['/mcp', '/sse', '/messages', '/attachments/:ticket'])

/**
 * Tells of each call what became of it, when its response is over: here, where it is known whether an answer was
 * written. What a worker has told of by then is not told again.
 */
export function recordCalls(app: FastifyInstance, log: CallLog): void {
  app.addHook('onRequest', (request, reply, done) => {
    if (TOLD.has(request.routeOptions.url ?? '')) {
      const since = performance.now()
      onResponseClose(reply, () => {
        const isToldThere = request.isPassedOn && request.failure === null
        if (!isToldThere) tell(log, request, reply, performance.now() - since)
      })
    }
    done()
  })
}

function tell(log: CallLog, request: FastifyRequest, reply: FastifyReply, ms: number): void {
  const { exchange } = request
  const ending = endingOf(request, reply)
  const asksNothing = request.peeked?.asksNothing === true
  if (!exchange) {
    const isCall = request.method === 'POST' && request.routeOptions.url === '/mcp' && !asksNothing
    if (ending) log.failed({ ...placeOf(request), ...ending, ms }, isCall)
    return
  }
  if (isListen(request.headers) && !ending) return
  traceRest(exchange, ending)
  for (const { method, tool, isFailed } of exchange.calls) {
    if (isFailed) continue
    if (ending) log.failed({ ...placeOfExchange(exchange), method, tool, ...ending, ms })
    else log.succeeded()
  }
  if (ending && exchange.calls.length === 0)
    log.failed({ ...placeOfExchange(exchange), ...ending, ms }, !asksNothing)
}

/** Calls of which their worker said nothing lasted as long as their exchange, as far as is known. */
function traceRest(exchange: Exchange, failure: Ending | undefined): void {
  const { since: from, reply } = exchange
  if (!isTraced(reply.request)) return
  const place = placeOfExchange(exchange)
  const rest = { from, to: performance.now(), failure, gmail: [], place }
  for (const { method, tool, isEnded } of exchange.calls)
    if (!isEnded) traceCall(reply.request, { method, tool, ...rest })
}

interface Ending {
  readonly fault: Fault
  readonly error: string
}

/** How a request failed; undefined when it did not. */
function endingOf(
  { failure, headers, method, exchange, caller }: FastifyRequest,
  { raw }: FastifyReply
): Ending | undefined {
  if (failure !== null) {
    const status = failure === 'ERR_INTERNAL' ? 500 : statusOfCode(failure)
    return { fault: faultOf(failure, status), error: failure }
  }
  const status = raw.headersSent ? raw.statusCode : 0
  // How clients find out where to sign in, and whether there is a stream.
  const isAsking = status === 401 && !caller && headers.authorization === undefined
  if (isAsking || status === 405) return undefined
  if (status >= 400) return { fault: status < 500 ? 'client' : 'server', error: String(status) }
  const isStream = method === 'GET' || isListen(headers)
  if (exchange && !isStream && !raw.writableFinished)
    return { fault: 'client', error: 'client_left' }
  return undefined
}

const placeOf = ({ id, headers, caller, trace }: FastifyRequest): CallContext => ({
  requestId: id,
  trace: trace?.traceId ?? parseTraceparent(headers.traceparent)?.traceId,
  userId: caller?.userId
})

/** Where the calls of an exchange belong. */
export const placeOfExchange = ({ reply, session, worker }: Exchange): CallContext => ({
  ...placeOf(reply.request),
  session: session?.handle,
  worker: worker.id
})
