/** What operators may see and do. */
import type { FastifyInstance } from 'fastify'
import { auditRoutes } from './audit-routes.ts'
import { type CallParts, callRoutes } from './call-routes.ts'
import { type NodeParts, nodeRoutes } from './node-routes.ts'
import { type SessionParts, sessionRoutes } from './session-routes.ts'
import { type UserParts, userRoutes } from './user-routes.ts'
import { type WorkerParts, workerRoutes } from './worker-routes.ts'

export interface AdminParts extends UserParts, CallParts, NodeParts, SessionParts, WorkerParts {}

/** Registers the admin API. The caller guards it. */
export function adminRoutes(app: FastifyInstance, parts: AdminParts): void {
  sessionRoutes(app, parts)
  workerRoutes(app, parts)
  userRoutes(app, parts)
  callRoutes(app, parts)
  auditRoutes(app, parts)
  nodeRoutes(app, parts)
}
