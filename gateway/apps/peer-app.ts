/** What other gateways reach: the people whom this one serves, by requests that came in elsewhere. */
import { createServer, type Server } from 'node:https'
import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyPluginAsync,
  LogController
} from 'fastify'
import { GatewayError } from '#shared/errors.ts'
import type { UserId } from '#shared/ids.ts'
import { type AdminParts, passedRoutes } from '../admin/routes.ts'
import type { Config } from '../config/config.ts'
import type { PeerKeys } from '../config/peer-tls.ts'
import { answerWithNames, assignRequestId } from '../http/assign-request-id.ts'
import { noteFailure } from '../http/json-rpc-error.ts'
import { type AttachmentParts, attachmentRoute } from '../mcp/attachment-route.ts'
import { type McpParts, mcpRoutes, type PeerForwarder } from '../mcp/mcp-routes.ts'
import { recordCalls } from '../mcp/record-calls.ts'
import { traceRequests } from '../mcp/trace-requests.ts'
import { type UploadParts, uploadRoute } from '../mcp/upload-route.ts'
import { ELSEWHERE_HEADER, readCaller } from '../peers/forwarded-caller.ts'
import { readOperator } from '../peers/forwarded-operator.ts'
import { signInRoute } from '../peers/sign-in-way.ts'
import type { CallLog } from '../telemetry/call-log.ts'
import type { Log } from '../telemetry/log.ts'
import type { Traces } from '../telemetry/traces.ts'
import type { LinkedRequests } from '../tool-sign-in/linked-requests.ts'

export interface PeerAppParts {
  readonly keys: PeerKeys
  readonly config: Pick<Config, 'MAX_BODY' | 'HEADERS_TIMEOUT'>
  readonly log: Log
  readonly callLog: CallLog
  readonly traces: Traces | undefined
  /** Gives the person up when the calls in flight are answered. Never rejects. */
  readonly letGo: (userId: UserId) => Promise<void>
  /** Without a way to other gateways: a request is passed on once. */
  readonly mcp: Omit<McpParts, 'peers' | 'passOn'>
  /** Without a way to other gateways, too. */
  readonly files: Omit<AttachmentParts & UploadParts, 'leadLink'>
  /** For the operators of other gateways. */
  readonly admin: Omit<AdminParts, 'audit' | 'isLetIn'>
  /** The sign-ins by tool that began here; absent where tools do not sign in. */
  readonly signIns: LinkedRequests | undefined
}

export interface PeerApp {
  readonly app: FastifyInstance
  /** New connections are shown these keys, and must show others of their authority. */
  renew(keys: PeerKeys): void
}

const FAILED = 'The gateway failed to serve this request.'
/** Longer than other gateways keep a connection that they do not use. */
const KEEP_ALIVE_MS = 60_000
/** Nothing of a call was begun here when it is refused with one of these. */
const NOT_BEGUN: readonly unknown[] = [
  ...(['ERR_DRAINING', 'ERR_LEASE_HELD', 'ERR_LEASE_LOST', 'ERR_STORE'] as const)
]

/** The app on PEER_PORT. Only who shows a certificate of the peers' authority gets as far as a request. */
export async function buildPeerApp(parts: PeerAppParts): Promise<PeerApp> {
  const { config } = parts
  const servers: Server[] = []
  const loggerInstance: FastifyBaseLogger = parts.log.child({ app: 'peers' })
  const app = Fastify({
    serverFactory(handler) {
      const server = serverWith(parts.keys, config, handler)
      servers.push(server)
      return server
    },
    loggerInstance,
    genReqId: assignRequestId,
    logController: new LogController({ disableRequestLogging: true }),
    childLoggerFactory: (logger) => logger,
    bodyLimit: config.MAX_BODY,
    forceCloseConnections: 'idle',
    return503OnClosing: false
  })
  app.decorateRequest('caller', null)
  app.decorateRequest('peeked', null)
  app.decorateRequest('failure', null)
  app.decorateRequest('isPassedOn', false)
  app.decorateRequest('operator', null)
  answerWithNames(app)
  recordCalls(app, parts.callLog)
  traceRequests(app, parts.traces)
  app.get('/health', async () => ({ status: 'ok' }))
  const forPeople: FastifyPluginAsync = async (scope) => {
    scope.addHook('onRequest', async (request) => {
      request.caller = readCaller(request.headers) ?? null
      if (!request.caller)
        throw new GatewayError('ERR_BAD_REQUEST', 'A gateway has to say for whom it asks.')
    })
    scope.addHook('onSend', async ({ failure }, reply) => {
      if (NOT_BEGUN.includes(failure)) reply.header(ELSEWHERE_HEADER, '1')
    })
    await mcpRoutes(scope, { ...parts.mcp, peers: noFurther(parts.letGo) })
  }
  await app.register(forPeople)
  const forOperators: FastifyPluginAsync = async (scope) => {
    // As at the operators' port: schemas describe, and are no checks.
    scope.setValidatorCompiler(() => () => true)
    scope.setSerializerCompiler(() => (answer) => JSON.stringify(answer))
    scope.addHook('onRequest', async (request) => {
      request.operator = readOperator(request.headers) ?? null
    })
    passedRoutes(scope, parts.admin)
  }
  await app.register(forOperators)
  if (parts.signIns) signInRoute(app, parts.signIns)
  await attachmentRoute(app, parts.files)
  await uploadRoute(app, parts.files)
  app.setErrorHandler((error, request, reply) => {
    noteFailure(request, error)
    const known = error instanceof GatewayError ? error : undefined
    if (known?.retryAfter !== undefined) reply.header('retry-after', String(known.retryAfter))
    const { code, message } = known ?? { code: 'ERR_INTERNAL', message: FAILED }
    if (!known) request.log.error({ err: error, requestId: request.id }, 'request failed')
    return reply
      .code(known?.statusCode ?? 500)
      .send({ error: { code, message, requestId: request.id } })
  })
  return {
    app,
    renew(keys) {
      for (const server of servers) server.setSecureContext({ ...keys, minVersion: 'TLSv1.3' })
    }
  }
}

/**
 * A request is passed on once. Whom this gateway takes no calls for any more it gives up before it says so: then another one
 * can have them.
 */
const noFurther = (letGo: PeerAppParts['letGo']): PeerForwarder => ({
  lead: async () => false,
  async leadAway({ caller }, _reply, why) {
    if (caller && why.code === 'ERR_DRAINING') await letGo(caller.userId)
    return false
  }
})

type Handler = Parameters<typeof createServer>[1]

function serverWith(
  keys: PeerKeys,
  { HEADERS_TIMEOUT }: Pick<Config, 'HEADERS_TIMEOUT'>,
  handler: Handler
): Server {
  const server = createServer(
    {
      ...keys,
      requestCert: true,
      rejectUnauthorized: true,
      minVersion: 'TLSv1.3',
      keepAlive: true,
      keepAliveInitialDelay: 5000,
      keepAliveTimeout: KEEP_ALIVE_MS,
      headersTimeout: HEADERS_TIMEOUT,
      requestTimeout: 0 // the gateway that was asked has seen to it
    },
    handler
  )
  return server
}
