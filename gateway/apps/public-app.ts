/** The public app: what people's clients and browsers reach. Built here, listens in main.ts. */
import cors from '@fastify/cors'
import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyPluginAsync,
  type FastifyReply,
  type FastifyRequest,
  LogController
} from 'fastify'
import helmet from 'helmet'
import type { Clock } from '#shared/clock.ts'
import { GatewayError } from '#shared/errors.ts'
import type { BearerTokens } from '../accounts/bearer-tokens.ts'
import type { Config } from '../config/config.ts'
import { isLoopback } from '../config/parsers.ts'
import { edge } from '../http/allowed-hosts.ts'
import { answerWithNames, assignRequestId, REQUEST_ID } from '../http/assign-request-id.ts'
import { authenticate, challengeOf } from '../http/authenticate.ts'
import { limitConnections } from '../http/connection-limit.ts'
import { FailedAttempts } from '../http/failed-attempts.ts'
import { noteFailure } from '../http/json-rpc-error.ts'
import { malformedRequest } from '../http/malformed-request.ts'
import { nameOf, pathFor, tidyHeaders } from '../http/normalize-request.ts'
import { measureRequests } from '../http/request-metrics.ts'
import { trustedProxies } from '../http/trusted-proxies.ts'
import { warnOfUndeclaredProxy } from '../http/undeclared-proxy.ts'
import { mostOpenFiles } from '../launcher/procfs.ts'
import { type AttachmentParts, attachmentRoute } from '../mcp/attachment-route.ts'
import { ALLOWED, type McpParts, mcpRoutes } from '../mcp/mcp-routes.ts'
import { recordCalls } from '../mcp/record-calls.ts'
import { traceRequests } from '../mcp/trace-requests.ts'
import { type UploadParts, uploadRoute } from '../mcp/upload-route.ts'
import { olderTransports } from '../older-transports/older-transports.ts'
import { asksForWebSocket } from '../older-transports/websocket-transport.ts'
import { cutOffSlowClients } from '../relay/slow-clients.ts'
import type { CallLog } from '../telemetry/call-log.ts'
import type { Log } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { Traces } from '../telemetry/traces.ts'
import type { Warnings } from '../telemetry/warnings.ts'
import { anonymousAccess } from '../tool-sign-in/anonymous-access.ts'
import type { AnonymousCallers } from '../tool-sign-in/anonymous-callers.ts'

/** How often late requests are looked for, at most. */
const CHECK_MS = 2000

export interface AppParts {
  readonly clock: Clock
  readonly config: Config
  readonly log: Log
  readonly callLog: CallLog
  /** Undefined where nobody asked for any. */
  readonly traces: Traces | undefined
  readonly metrics: Metrics
  readonly warnings: Warnings
  readonly tokens: BearerTokens
  readonly signIn: FastifyPluginAsync
  readonly mcp: McpParts
  /** Who may call without a token; undefined where nobody may. */
  readonly strangers: AnonymousCallers | undefined
  /** Links to files, and for them. */
  readonly files: AttachmentParts & UploadParts
}

export async function buildApp(parts: AppParts): Promise<FastifyInstance> {
  const { config, metrics } = parts
  const loggerInstance: FastifyBaseLogger = parts.log.child({ app: 'public' })
  const app = Fastify({
    loggerInstance,
    genReqId: assignRequestId,
    logController: new LogController({ disableRequestLogging: true }),
    // A request has one line at most, when it fails: a child for each would say nothing more.
    childLoggerFactory: (logger) => logger,
    trustProxy: config.TRUST_PROXY.length > 0 ? config.TRUST_PROXY : false,
    bodyLimit: config.MAX_BODY,
    // For requests to arrive; answers may take as long as they like.
    requestTimeout: config.REQUEST_TIMEOUT,
    forceCloseConnections: 'idle',
    return503OnClosing: false, // its answer is not JSON-RPC; ours is
    clientErrorHandler: malformedRequest,
    frameworkErrors: failed,
    rewriteUrl: (request) => pathFor(request, config.HTTP_SSE),
    http: {
      ...(config.WEBSOCKET && { shouldUpgradeCallback: asksForWebSocket }),
      headersTimeout: config.HEADERS_TIMEOUT,
      connectionsCheckingInterval: Math.min(CHECK_MS, config.HEADERS_TIMEOUT / 2)
    },
    routerOptions: { ignoreTrailingSlash: false, maxParamLength: 256 }
  })
  boundConnections(app, parts)
  const origins = new Set([config.PUBLIC_URL, ...config.ALLOWED_ORIGINS])
  const guard = edge({ hosts: hostsOf(config), origins })

  followRequests(app, parts)
  app.addHook('onRequest', warnOfUndeclaredProxy(config.PUBLIC_URL, parts.warnings))
  app.addHook('onRequest', guard.host)
  // Not @fastify/helmet, which makes it anew for each request.
  const protect = helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: { 'default-src': ["'none'"], 'frame-ancestors': ["'none'"] }
    },
    hsts: config.PUBLIC_URL.startsWith('https:') && { maxAge: 31_536_000 }
  })
  app.addHook('onRequest', ({ raw }, reply, done) =>
    protect(raw, reply.raw, (error) => done(error instanceof Error ? error : undefined))
  )
  app.addHook('onRequest', async ({ method, url }, reply) => {
    if (method === 'OPTIONS' && pathOf(url) === '/mcp') reply.header('allow', ALLOWED)
  })
  await app.register(cors, {
    origin: config.ALLOWED_ORIGINS,
    methods: ['GET', 'POST', 'DELETE'],
    exposedHeaders: SHOWN_TO_PAGES,
    strictPreflight: false, // OPTIONS may be asked without being a preflight (RFC 9110 §9.3.7)
    maxAge: 600
  })

  app.get('/health', async () => ({ status: 'ok' }))
  await app.register(parts.signIn)
  const old = olderTransports(app, { ...parts.mcp, config })
  const mcp: FastifyPluginAsync = async (scope) => {
    scope.addHook('onRequest', async ({ raw }) => tidyHeaders(raw))
    scope.addHook('onRequest', leadToFrontPage)
    scope.addHook('onRequest', guard.origin)
    const challenge = challengeOf({
      resourceMetadataUrl: ({ originalUrl }) =>
        `${config.PUBLIC_URL}/.well-known/oauth-protected-resource${nameOf(originalUrl)}`,
      defaultLevel: config.DEFAULT_LEVEL,
      failed: (reason) => metrics.http.authFailures.inc({ reason })
    })
    const tokenless = parts.strangers && anonymousAccess(parts.strangers, challenge)
    const attempts = new FailedAttempts(parts.clock)
    const { tokens } = parts
    scope.addHook('onRequest', authenticate({ tokens, attempts, challenge, tokenless }))
    if (tokenless) scope.addHook('preParsing', tokenless.begin)
    await mcpRoutes(scope, parts.mcp)
    await scope.register(old)
  }
  await app.register(mcp)
  app.setNotFoundHandler(notFound)
  app.setErrorHandler(failed)
  await attachmentRoute(app, parts.files)
  await uploadRoute(app, parts.files)
  return app
}

function boundConnections({ server }: FastifyInstance, parts: AppParts): void {
  const { config, metrics } = parts
  cutOffSlowClients(server, {
    clock: parts.clock,
    limitMs: config.READ_TIMEOUT,
    cutOff: () => metrics.http.stalledReaders.inc({})
  })
  limitConnections(server, {
    clock: parts.clock,
    workers: config.WORKER_LIMIT,
    descriptors: mostOpenFiles(),
    warn: (fields, message) => parts.log.warn(fields, message),
    isProxy: trustedProxies(config.TRUST_PROXY),
    dropped: (reason) => metrics.http.dropped.inc({ reason })
  })
}

const SHOWN_TO_PAGES = [
  ...['mcp-session-id', 'mcp-protocol-version', 'www-authenticate', 'retry-after'],
  REQUEST_ID
]

/** Whatever becomes of a request, it has a name, is counted, and is told of when it fails. */
function followRequests(
  app: FastifyInstance,
  { callLog, metrics, traces }: Pick<AppParts, 'callLog' | 'metrics' | 'traces'>
): void {
  app.decorateRequest('caller', null)
  app.decorateRequest('peeked', null)
  app.decorateRequest('failure', null)
  app.decorateRequest('isPassedOn', false)
  answerWithNames(app)
  recordCalls(app, callLog)
  traceRequests(app, traces)
  measureRequests(app, metrics)
}

/** The names this gateway answers to. On a developer's machine all of loopback's names are one. */
function hostsOf(config: Config): Set<string> {
  const url = new URL(config.PUBLIC_URL)
  const hosts = new Set([url.host, ...config.ALLOWED_HOSTS.map((host) => host.toLowerCase())])
  if (isLoopback(url.hostname)) {
    for (const name of ['localhost', '127.0.0.1', '[::1]']) hosts.add(`${name}:${url.port || '80'}`)
  }
  for (const port of config.CALLBACK_PORTS) hosts.add(`${url.hostname}:${port}`)
  return hosts
}

/** For what has no error handler of its own. A failure's message may name a path or quote somebody else. */
function failed(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  reply.raw.setHeader(REQUEST_ID, request.id) // no hook ran for what Fastify itself refuses
  const answer = (status: number, code: string, message: string): FastifyReply =>
    reply.code(status).send(failure(code, message, request))
  if (error instanceof GatewayError) {
    noteFailure(request, error)
    if (error.retryAfter !== undefined) reply.header('retry-after', String(error.retryAfter))
    return answer(error.statusCode, error.code, error.message)
  }
  const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 500
  if (status >= 400 && status < 500)
    return answer(status, 'ERR_BAD_REQUEST', 'The request cannot be understood.')
  if (!reply.raw.closed) request.log.error({ err: error, requestId: request.id }, 'request failed')
  return answer(500, 'ERR_INTERNAL', 'The gateway failed to serve this request.')
}

const failure = (code: string, message: string, { id }: FastifyRequest): object => ({
  error: { code, message, requestId: id }
})

const notFound = (request: FastifyRequest, reply: FastifyReply): FastifyReply =>
  pathOf(request.url) === '/mcp' // by a method that no route has
    ? reply
        .code(405)
        .header('allow', ALLOWED)
        .send(failure('method_not_allowed', 'The MCP endpoint is POST /mcp.', request))
    : reply
        .code(404)
        .send(failure('not_found', 'Nothing is here. The MCP endpoint is POST /mcp.', request))

const pathOf = (url: string): string => url.split('?', 1)[0] ?? ''

/** Somebody has opened the address that is meant for applications: a page tells them what to do with it. */
async function leadToFrontPage(request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const { accept = '', authorization } = request.headers
  const isBrowser = /\btext\/html\b/i.test(accept) && !/\btext\/event-stream\b/i.test(accept)
  if (request.method !== 'GET' || !isBrowser || authorization !== undefined) return
  await reply.redirect('/', 303)
}
