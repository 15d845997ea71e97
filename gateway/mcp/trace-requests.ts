import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { onResponseClose } from '../http/on-response-close.ts'
import { callSpan, placeAttributes, type TracedCall } from '../telemetry/call-spans.ts'
import { userHash } from '../telemetry/events.ts'
import { parseTraceparent } from '../telemetry/trace-context.ts'
import type { RequestTrace, Traces } from '../telemetry/traces.ts'
import { isListen } from './subscriptions-listen.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Null where no traces are made, and for what is none of their business. */
    trace: RequestTrace | null
  }
}

/** What is asked every few seconds, or comes to `/mcp` once more. */
const LEFT_OUT: ReadonlySet<string> = new Set(['/health', '/sse', '/messages'])
const VERBS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'DELETE', 'OPTIONS'])

/**
 * Gives each request its trace. The path is told only as its route, since paths may have secrets in them. Must be
 * registered after `recordCalls`, which adds to a trace what the end of a request says of its calls.
 */
export function traceRequests(app: FastifyInstance, traces: Traces | undefined): void {
  app.decorateRequest('trace', null)
  if (!traces) return
  app.addHook('onRequest', (request, reply, done) => {
    const { url: route } = request.routeOptions
    if (route !== undefined && !LEFT_OUT.has(route) && !isStream(request)) {
      const verb = VERBS.has(request.method) ? request.method : '_OTHER'
      request.trace = traces.begin({
        name: `${verb === '_OTHER' ? 'HTTP' : verb} ${route}`,
        attributes: { 'http.request.method': verb, 'http.route': route },
        caller: parseTraceparent(request.headers.traceparent)
      })
      onResponseClose(reply, () => end(request, reply))
    }
    done()
  })
}

/** Streams stay open for hours. */
const isStream = ({ method, headers, routeOptions }: FastifyRequest): boolean =>
  routeOptions.url === '/mcp' && (method === 'GET' || isListen(headers))

function end({ trace, failure, caller, exchange }: FastifyRequest, { raw }: FastifyReply): void {
  const status = raw.headersSent ? raw.statusCode : undefined
  const isOurs = status !== undefined && status >= 500
  trace?.end({
    attributes: {
      ...(status !== undefined && { 'http.response.status_code': status }),
      ...placeAttributes({
        userId: caller?.userId,
        session: exchange?.session?.handle,
        worker: exchange?.worker.id
      })
    },
    error: isOurs ? (failure ?? String(status)) : undefined
  })
}

/** Whether anything that is told of its calls is kept. */
export const isTraced = ({ trace }: FastifyRequest): boolean => trace?.isSampled ?? false

/** Adds a call to the trace of its request, if that has one. */
export function traceCall(request: FastifyRequest, call: Omit<TracedCall, 'revision'>): void {
  if (!request.trace || !isTraced(request)) return
  const { 'mcp-protocol-version': given } = request.headers
  const revision = typeof given === 'string' ? given : undefined
  request.trace.add(callSpan({ ...call, revision }), userHash(call.place.userId ?? ''))
}
