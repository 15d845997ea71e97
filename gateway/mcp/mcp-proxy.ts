import { Readable } from 'node:stream'
import proxy, { type FastifyHttpProxyOptions } from '@fastify/http-proxy'
import type { FastifyInstance, preHandlerAsyncHookHandler } from 'fastify'
import { GatewayError } from '#shared/errors.ts'
import type { UserId } from '#shared/ids.ts'
import { REQUEST_ID_HEADER } from '#shared/internal-headers.ts'
import { bodyTooLarge, byteLimit } from '../http/byte-limit.ts'
import { sendRpcError } from '../http/json-rpc-error.ts'
import type { BufferedBytes } from '../relay/buffered-bytes.ts'
import type { Exchange, Exchanges } from '../relay/exchange.ts'
import { relayAnswer } from '../relay/relay-answer.ts'
import { ResponseWriter } from '../relay/response-writer.ts'
import type { ResumableAnswers } from '../relay/resumable-answers.ts'
import { connectionsTo } from './worker-connections.ts'
import { answerHeaders, boundsOf, FROM_WORKER, headersToWorker } from './worker-headers.ts'
import { awaitFinalReports, onlyRequestId, workerGone, writeErrors } from './worker-lost.ts'

declare module 'fastify' {
  interface FastifyRequest {
    exchange: Exchange | null
  }
}

export interface ProxyParts {
  readonly exchanges: Exchanges
  readonly maxBody: number
  /** Where clients learn how to sign in here. */
  readonly resourceMetadataUrl: string
  /** What waits for clients. */
  readonly held: BufferedBytes
  /** What clients may come back for. */
  readonly kept: ResumableAnswers
  /** Opens `request.exchange`: everything that must be known before a byte is forwarded. */
  readonly admit: preHandlerAsyncHookHandler
  readonly onBytes: (direction: 'in' | 'out', bytes: number, userId: UserId) => void
}

/**
 * `POST /mcp`: streams a request to the worker of its exchange and the answer back, through
 * @fastify/http-proxy. Its `undici.request` option is the one seam where the worker is chosen.
 */
export async function registerMcpProxy(app: FastifyInstance, parts: ProxyParts): Promise<void> {
  // The proxy warns of every client that leaves during a call; a worker that does is logged elsewhere.
  const level = app.log.level === 'silent' ? 'silent' : 'error'
  const errorsOnly = app.log.child({}, { level })
  await app.register((scope, _options, done) => {
    scope.setChildLoggerFactory(() => errorsOnly)
    scope.removeAllContentTypeParsers() // the proxy's own leave every body unread
    scope.addHook('preHandler', parts.admit)
    scope.register(proxy, optionsFor(parts))
    done()
  })
}

const optionsFor = (parts: ProxyParts): FastifyHttpProxyOptions => ({
  routes: ['/mcp'], // exactly that; as a prefix it would include `/mcp/`
  upstream: 'http://worker',
  httpMethods: ['POST'],
  retryMethods: [],
  disableCache: true,
  disableRequestLogging: true,
  undici: { request: forward(parts) as unknown as Request },
  replyOptions: {
    rewriteRequestHeaders: (request, headers) => headersToWorker(headers, exchangeOf(request)),
    rewriteHeaders: (headers, request) =>
      request ? answerHeaders(headers, boundsOf(parts, request)) : {},
    queryString: () => '',
    onResponse: (request, _reply, response) =>
      void answer(parts, exchangeOf(request), response.stream),
    onError: (reply, { error }) => void fail(exchangeOf(reply.request), error)
  }
})

/** Of its two forms (callback and promise), the proxy calls the one with a callback. */
type Request = Extract<FastifyHttpProxyOptions['undici'], { request: unknown }>['request']

/** Sends the request over the connections of the worker that the exchange names. */
function forward({ exchanges, maxBody, onBytes }: ProxyParts) {
  return (options: { headers: Record<string, string> }, done: Done): void => {
    const { headers } = options
    const exchange = exchanges.get(headers[REQUEST_ID_HEADER] ?? '')
    if (!exchange) {
      done(new Error('no exchange'))
      return
    }
    const send = (body: Buffer | Readable): void => {
      const upstream = { method: 'POST', path: '/mcp', headers, body } as const
      const { signal } = exchange.abort
      connectionsTo(exchange.worker).request({ ...upstream, signal }, (error, response) => {
        // The proxy drops an answer whose client left while it was sending; that must not go unheard.
        response?.body?.on('error', () => {})
        done(error, response)
      })
    }
    const passed = (bytes: number): void => onBytes('in', bytes, exchange.caller.userId)
    const { body = Buffer.alloc(0) } = exchange.reply.request.peeked ?? {}
    if (body instanceof Readable) {
      const limited = byteLimit(maxBody, passed)
      body.once('error', (error) => limited.destroy(error)).pipe(limited)
      send(limited)
    } else if (body.byteLength > maxBody) done(bodyTooLarge(maxBody))
    else {
      passed(body.byteLength)
      send(body)
    }
  }
}

type Done = (error: Error | null, response?: unknown) => void

function answer(parts: ProxyParts, exchange: Exchange, from: Readable): Promise<void> {
  return relayAnswer(exchange.reply, from, {
    outlet: outletOf(parts, exchange),
    passed: (bytes) => parts.onBytes('out', bytes, exchange.caller.userId),
    keep() {
      exchange.kept = parts.kept.begin(exchange)
      return exchange.kept
    },
    fail: (error) => fail(exchange, error),
    async endStream(to, kept) {
      await awaitFinalReports(exchange)
      writeErrors(to, exchange, kept, endReason(exchange))
    }
  })
}

const outletOf = ({ held }: ProxyParts, { reply, caller }: Exchange): ResponseWriter =>
  new ResponseWriter(reply.raw, held, caller.userId)

/** Before headers: one HTTP answer, with the JSON-RPC id if the worker had read it. */
async function fail(exchange: Exchange, error: unknown): Promise<void> {
  const { reply } = exchange
  if (reply.raw.closed) return // there is nobody to tell
  for (const name of FROM_WORKER) reply.removeHeader(name)
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error
  if (cause instanceof GatewayError && cause.code === 'ERR_BODY_TOO_LARGE') {
    reply.header('connection', 'close') // the rest of the body is not wanted
    sendRpcError(reply, cause, idOf(exchange))
    return
  }
  await awaitFinalReports(exchange)
  sendRpcError(reply, endReason(exchange), idOf(exchange))
}

/** The id to answer with: as the gateway has read it, or else the worker. */
const idOf = (exchange: Exchange): string | number | null =>
  exchange.reply.request.peeked?.rpcId ?? onlyRequestId(exchange)

/** Who ended it: somebody on this side (the abort's reason), or the worker by dying. */
const endReason = (exchange: Exchange): GatewayError => {
  const { reason } = exchange.abort.signal
  return reason instanceof GatewayError ? reason : workerGone()
}

function exchangeOf(request: { exchange: Exchange | null }): Exchange {
  if (!request.exchange) throw new Error('the proxy was reached without an exchange')
  return request.exchange
}
