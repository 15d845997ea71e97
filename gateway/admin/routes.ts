/** What operators may see and do. */
import type { FastifyInstance } from 'fastify'
import { GatewayError } from '#shared/errors.ts'
import type { Audit } from './audit.ts'
import { auditRoutes } from './audit-routes.ts'
import { type CallParts, callRoutes } from './call-routes.ts'
import { gatewayRoutes, type NodeParts } from './gateway-routes.ts'
import { isRole } from './operators.ts'
import { type SessionParts, sessionRoutes } from './session-routes.ts'
import { type UserParts, userRoutes } from './user-routes.ts'
import type { Verb } from './verb.ts'
import * as calls from './verbs/calls.ts'
import * as gateway from './verbs/gateway.ts'
import * as sessions from './verbs/sessions.ts'
import * as users from './verbs/users.ts'
import * as workers from './verbs/workers.ts'
import { type WorkerParts, workerRoutes } from './worker-routes.ts'

export interface AdminParts extends UserParts, CallParts, NodeParts, SessionParts, WorkerParts {
  readonly audit: Audit
}

/** What the gateway that an operator asks may ask others for. It writes changes down; they do not. */
const PASSED: readonly Pick<Verb, 'method' | 'path'>[] = [
  ...[calls.listCalls, calls.killCalls, sessions.listSessions, sessions.getSession],
  ...[workers.listWorkers, workers.getWorker, workers.stopWorker, workers.recycleWorkers],
  ...[users.listUsers, users.getUser, users.topUsers],
  ...[gateway.listNodes, gateway.drain, gateway.undrain, gateway.getConfig]
]

/** Registers the admin API. The caller guards it. */
export function adminRoutes(app: FastifyInstance, parts: AdminParts): void {
  sessionRoutes(app, parts)
  workerRoutes(app, parts)
  userRoutes(app, parts)
  callRoutes(app, parts)
  auditRoutes(app, parts)
  gatewayRoutes(app, parts)
}

/** Registers what other gateways ask for, for their operators, whom the caller lets in. */
export function passedRoutes(
  app: FastifyInstance,
  { otherNodes: _, ...parts }: Omit<AdminParts, 'audit' | 'isLetIn'>
): void {
  app.addHook('onRequest', async ({ method, operator, routeOptions: { url } }) => {
    const isPassed = PASSED.some((verb) => verb.method === method && verb.path === url)
    const needed = method === 'GET' ? 'read' : 'admin'
    if (!isPassed || !operator || !isRole(operator.role, needed))
      throw new GatewayError('ERR_FORBIDDEN', 'This is not for other gateways.')
  })
  const here = { ...parts, audit: { note: async () => {} }, isLetIn: () => true }
  sessionRoutes(app, here)
  workerRoutes(app, here)
  userRoutes(app, here)
  callRoutes(app, here)
  gatewayRoutes(app, here)
}
