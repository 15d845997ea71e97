/** The operators' app, on a port of its own: health, metrics, the admin API. */
import swagger from '@fastify/swagger'
import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyPluginAsync,
  type FastifyRequest,
  LogController
} from 'fastify'
import type * as z from 'zod'
import type { Clock } from '#shared/clock.ts'
import { GatewayError } from '#shared/errors.ts'
import { VERSION } from '#shared/version.ts'
import { authenticateOperator } from '../admin/authenticate-operator.ts'
import { OPENAPI, openRoutes, type Report } from '../admin/openapi.ts'
import { isRole, type Operators } from '../admin/operators.ts'
import { pageRoutes } from '../admin/page-routes.ts'
import type { Readiness, ReadinessReport } from '../admin/readiness.ts'
import { type AdminParts, adminRoutes } from '../admin/routes.ts'
import { answerWithNames, assignRequestId } from '../http/assign-request-id.ts'
import { FailedAttempts } from '../http/failed-attempts.ts'
import type { Log } from '../telemetry/log.ts'

/** That one address may send in a minute: operators paste theirs. */
const WRONG_TOKENS = 20

export interface OpsParts {
  readonly operators: Operators
  /** A wrong token came. Not told while its address is kept from trying. */
  readonly onRefused: (requestId: string) => void
  /** Host names that the port answers to, besides addresses and names without a dot. */
  readonly hosts: readonly string[]
  readonly clock: Clock
  readonly log: Log
  readonly readiness: Readiness
  /** Brings the gauges up to date and gives the text of a scrape. */
  readonly scrape: () => Promise<{ type: string; text: string }>
  readonly admin: Omit<AdminParts, 'isLetIn'>
}

/** Clients may be named by their documents' addresses, which stand in paths. */
const LONGEST_NAME = 2000

export async function buildOpsApp(parts: OpsParts): Promise<FastifyInstance> {
  const loggerInstance: FastifyBaseLogger = parts.log.child({ app: 'ops' })
  const app = Fastify({
    loggerInstance,
    genReqId: assignRequestId,
    logController: new LogController({ disableRequestLogging: true }),
    requestTimeout: 10_000,
    forceCloseConnections: true,
    // No name is longer, percent-encoded.
    routerOptions: { maxParamLength: 3 * LONGEST_NAME }
  })
  // Schemas describe; what comes in is read by the routes themselves, and what goes out is as it is.
  app.setValidatorCompiler(() => () => true)
  app.setSerializerCompiler(() => (answer) => JSON.stringify(answer))
  await app.register(swagger, {
    openapi: { ...OPENAPI, info: { ...OPENAPI.info, version: VERSION } }
  })
  answerWithNames(app)
  app.setErrorHandler((error, request, reply) => {
    const body = bodyFor(request)
    if (error instanceof GatewayError) {
      if (error.retryAfter !== undefined) reply.header('retry-after', String(error.retryAfter))
      return reply.code(error.statusCode).send(body(error.code, error.message))
    }
    if (isClientError(error))
      return reply.code(error.statusCode).send(body('ERR_BAD_REQUEST', error.message))
    parts.log.error({ err: error, requestId: request.id }, 'ops request failed')
    return reply.code(500).send(body('ERR_INTERNAL', 'The request failed; see the log.'))
  })
  app.decorateRequest('operator', null)
  const attempts = new FailedAttempts(parts.clock, WRONG_TOKENS)
  const guard = authenticateOperator({ ...parts, attempts })
  app.addHook('onRequest', guard.host)
  app.setNotFoundHandler({ preHandler: guard.requires('metrics') }, (request, reply) =>
    reply.code(404).send(bodyFor(request)('ERR_NOT_FOUND', 'Nothing is here.'))
  )
  pageRoutes(app)
  app.get('/health', { schema: openRoutes.health }, async () => ({ status: 'ok' }))
  app.get('/ready', { schema: openRoutes.ready }, async (request, reply) => {
    const report = await parts.readiness.report()
    reply.code(report.ready ? 200 : 503)
    const answer: z.output<typeof Report> = guard.operatorOf(request) ? report : briefly(report)
    return reply.send(answer)
  })
  const scrapers = { onRequest: guard.requires('metrics'), schema: openRoutes.metrics }
  app.get('/metrics', scrapers, async (_request, reply) => {
    const { type, text } = await parts.scrape()
    return reply.type(type).send(text)
  })
  const guarded: FastifyPluginAsync = async (scope) => {
    scope.addHook(
      'onRequest',
      guard.requires(({ method }) => (method === 'GET' || method === 'HEAD' ? 'read' : 'admin'))
    )
    const isLetIn = (request: FastifyRequest): boolean => {
      const operator = guard.operatorOf(request)
      return operator !== undefined && isRole(operator.role, 'read')
    }
    adminRoutes(scope, { ...parts.admin, isLetIn })
  }
  await app.register(guarded)
  return app
}

/** For whoever does not say who they are: what is wrong is for operators. */
function briefly({ ready, checks }: ReadinessReport): z.output<typeof Report> {
  const brief = (said: string): string => (said === 'ok' ? 'ok' : 'failing')
  const { store, keys, worker, accepting } = checks
  return {
    ready,
    checks: {
      store: brief(store),
      keys: brief(keys),
      worker: brief(worker),
      accepting: brief(accepting)
    }
  }
}

/** Fastify's own refusal of a request, such as a body that is not JSON. */
const isClientError = (error: unknown): error is Error & { statusCode: number } =>
  error instanceof Error &&
  'statusCode' in error &&
  typeof error.statusCode === 'number' &&
  error.statusCode >= 400 &&
  error.statusCode < 500

const bodyFor =
  ({ id }: FastifyRequest) =>
  (code: string, message: string): object => ({ error: { code, message, requestId: id } })
