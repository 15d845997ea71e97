/** The operators' app, on a port of its own: health, metrics, the admin API. */
import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyPluginAsync,
  LogController
} from 'fastify'
import { GatewayError } from '#shared/errors.ts'
import { adminToken } from './admin/admin-token.ts'
import { type AdminParts, adminRoutes } from './admin/routes.ts'
import type { Readiness } from './readiness.ts'
import type { Log } from './telemetry/log.ts'

export interface OpsParts {
  readonly adminToken: string
  readonly log: Log
  readonly readiness: Readiness
  /** Brings the gauges up to date and gives the text of a scrape. */
  readonly scrape: () => Promise<{ type: string; text: string }>
  readonly admin: AdminParts
}

export async function buildOpsApp(parts: OpsParts): Promise<FastifyInstance> {
  const loggerInstance: FastifyBaseLogger = parts.log.child({ app: 'ops' })
  const app = Fastify({
    loggerInstance,
    logController: new LogController({ disableRequestLogging: true }),
    requestTimeout: 10_000,
    forceCloseConnections: true
  })
  app.setErrorHandler((error, _request, reply) => {
    if (error instanceof GatewayError)
      return reply.code(error.statusCode).send(body(error.code, error.message))
    if (isClientError(error))
      return reply.code(error.statusCode).send(body('ERR_BAD_REQUEST', error.message))
    parts.log.error({ err: error }, 'ops request failed')
    return reply.code(500).send(body('ERR_INTERNAL', 'The request failed; see the log.'))
  })
  const onlyAdmin = adminToken(parts.adminToken)
  app.setNotFoundHandler({ preHandler: onlyAdmin }, (_request, reply) =>
    reply.code(404).send(body('ERR_NOT_FOUND', 'Nothing is here.'))
  )
  app.get('/health', async () => ({ status: 'ok' }))
  app.get('/ready', async (_request, reply) => {
    const report = await parts.readiness.report()
    return reply.code(report.ready ? 200 : 503).send(report)
  })
  const guarded: FastifyPluginAsync = async (scope) => {
    scope.addHook('onRequest', onlyAdmin)
    scope.get('/metrics', async (_request, reply) => {
      const { type, text } = await parts.scrape()
      return reply.type(type).send(text)
    })
    await adminRoutes(scope, parts.admin)
  }
  await app.register(guarded)
  return app
}

/** Fastify's own refusal of a request, such as a body that is not JSON. */
const isClientError = (error: unknown): error is Error & { statusCode: number } =>
  error instanceof Error &&
  'statusCode' in error &&
  typeof error.statusCode === 'number' &&
  error.statusCode >= 400 &&
  error.statusCode < 500

const body = (code: string, message: string): object => ({ error: { code, message } })
