/** What operators may see and do. */
import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Selectable } from 'kysely'
import * as z from 'zod'
import { asUserId, type UserId } from '#shared/ids.ts'
import type { Accounts } from '../accounts/accounts.ts'
import type { Exchange, Exchanges } from '../http/exchange.ts'
import type { SessionRegistry } from '../sessions/registry.ts'
import type { Session } from '../sessions/session.ts'
import type { AuditRow } from '../store/schema.ts'
import type { Supervisor, WorkerSnapshot } from '../supervisor/supervisor.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { change, iso, notFound, read } from './answers.ts'
import type { Audit, AuditQuery as AuditSelection } from './audit.ts'
import { type CallParts, callRoutes } from './call-routes.ts'
import { type NodeParts, nodeRoutes } from './node-routes.ts'
import { type UserParts, userRoutes } from './user-routes.ts'

export interface AdminParts extends UserParts, CallParts, NodeParts {
  readonly accounts: Accounts
  readonly supervisor: Supervisor
  readonly sessions: SessionRegistry
  readonly exchanges: Exchanges
  readonly audit: Audit
  readonly metrics: Metrics
}

const SessionQuery = z.strictObject({
  user: z.string().optional(),
  client: z.string().optional(),
  state: z.enum(['live', 'hibernated']).optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
  cursor: z.string().optional()
})
const AuditQuery = z.strictObject({
  actor: z.string().optional(),
  action: z.string().optional(),
  target: z.string().optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
  cursor: z.coerce.number().int().positive().optional(),
  format: z.enum(['json', 'ndjson']).default('json')
})
const EXPORT_PAGE = 500
const Handle = z.object({ handle: z.string().max(64) })
const WorkerName = z.object({ id: z.string().max(64) })
const StopQuery = z.strictObject({ mode: z.enum(['drain', 'now']).default('drain') })

/** Registers the admin API. The caller guards it. */
export async function adminRoutes(app: FastifyInstance, parts: AdminParts): Promise<void> {
  const listSessions = async (request: FastifyRequest) => sessionPage(parts, request)
  const endSession = async (request: FastifyRequest) => end(parts, request)

  app.get('/admin/sessions', listSessions)
  app.get('/sessions', listSessions)
  app.get('/admin/sessions/:handle', async (request) => {
    const { handle } = read(Handle, request.params)
    const session = await parts.sessions.byHandle(handle)
    return session ? viewSession(parts, session) : notFound('session', handle)
  })
  app.delete('/admin/sessions/:handle', endSession)
  app.delete('/sessions/:handle', endSession)
  app.get('/admin/workers', async () => ({
    workers: parts.supervisor.list().map((worker) => viewWorker(parts, worker))
  }))
  app.get('/admin/workers/:id', async (request) => {
    const { id } = read(WorkerName, request.params)
    const worker = parts.supervisor.list().find((one) => one.id === id)
    return worker ? viewWorker(parts, worker) : notFound('worker', id)
  })
  app.delete('/admin/workers/:id', async (request) => stop(parts, request))
  app.get('/admin/audit', async (request, reply) => auditPage(parts, request, reply))
  await userRoutes(app, parts)
  await callRoutes(app, parts)
  await nodeRoutes(app, parts)
}

async function sessionPage(parts: AdminParts, request: FastifyRequest): Promise<object> {
  const { user, client, state, limit, cursor } = read(SessionQuery, request.query)
  const sessions = await parts.sessions.list({
    limit: limit + 1,
    ...(user !== undefined && { userId: asUserId(user) }),
    ...(client !== undefined && { client }),
    ...(state !== undefined && { state }),
    ...(cursor !== undefined && { cursor })
  })
  const page = sessions.slice(0, limit)
  return {
    sessions: await Promise.all(page.map((session) => viewSession(parts, session))),
    nextCursor: sessions.length > limit ? page.at(-1)?.handle : undefined
  }
}

async function viewSession(parts: AdminParts, session: Session): Promise<object> {
  const { name, version } = session.initialize.clientInfo
  return {
    handle: session.handle,
    userId: session.userId,
    email: await emailOf(parts.accounts, session.userId),
    client: { name, version },
    era: 'legacy',
    protocolVersion: session.initialize.protocolVersion,
    state: session.liveIn === undefined ? 'hibernated' : 'live',
    workerId: session.liveIn ?? null,
    createdAt: iso(session.createdAt),
    lastSeenAt: iso(session.lastSeenAt),
    requests: session.requests,
    inFlight: session.inFlight,
    streams: session.streams
  }
}

const emailOf = async (accounts: Accounts, userId: UserId): Promise<string | null> =>
  (await accounts.find(userId))?.email ?? null

function viewWorker(parts: AdminParts, worker: WorkerSnapshot): object {
  return {
    ...worker,
    sessions: parts.sessions.liveIn(worker.id),
    startedAt: iso(worker.startedAt),
    lastCallAt: worker.lastCallAt === null ? null : iso(worker.lastCallAt)
  }
}

async function end(parts: AdminParts, request: FastifyRequest): Promise<object> {
  const { handle } = read(Handle, request.params)
  const session = await parts.sessions.byHandle(handle)
  if (!session) {
    parts.metrics.admin.inc({ action: 'end_session', result: 'not_found' })
    return notFound('session', handle)
  }
  const inFlight = parts.exchanges.ofSession(session).flatMap(describe)
  await change(parts, request, { action: 'end_session', target: handle }, () =>
    parts.sessions.end(handle, 'admin')
  )
  return { ended: handle, inFlight }
}

async function stop(parts: AdminParts, request: FastifyRequest): Promise<object> {
  const { id } = read(WorkerName, request.params)
  const { mode } = read(StopQuery, request.query)
  const worker = parts.supervisor.list().find((one) => one.id === id)
  if (!worker) {
    parts.metrics.admin.inc({ action: 'stop_worker', result: 'not_found' })
    return notFound('worker', id)
  }
  const inFlight = parts.exchanges.ofWorker(worker.id).flatMap(describe)
  await change(parts, request, { action: 'stop_worker', target: id }, () =>
    parts.supervisor.stopWorker(worker.id, 'admin', mode)
  )
  return { stopped: id, inFlight }
}

async function auditPage(
  { audit }: AdminParts,
  request: FastifyRequest,
  reply: FastifyReply
): Promise<object> {
  const { limit, cursor, format, ...filters } = read(AuditQuery, request.query)
  if (format === 'ndjson') {
    const lines = Readable.from(everyEntry(audit, filters), { objectMode: false })
    return reply.type('application/x-ndjson').send(lines)
  }
  const rows = await audit.list({ ...filters, limit: limit + 1, before: cursor })
  const page = rows.slice(0, limit)
  return {
    entries: page.map(viewEntry),
    nextCursor: rows.length > limit ? String(page.at(-1)?.id) : undefined
  }
}

/** The whole audit as lines of JSON, page by page, the latest first. */
async function* everyEntry(
  audit: Audit,
  filters: Omit<AuditSelection, 'limit' | 'before'>
): AsyncGenerator<string> {
  for (let before: number | undefined; ; ) {
    const rows = await audit.list({ ...filters, limit: EXPORT_PAGE, before })
    for (const row of rows) yield `${JSON.stringify(viewEntry(row))}\n`
    before = rows.at(-1)?.id
    if (rows.length < EXPORT_PAGE) return
  }
}

const viewEntry = ({
  at,
  actor,
  action,
  target,
  reason,
  request_id
}: Selectable<AuditRow>): object => ({
  at: iso(at),
  actor,
  action,
  target,
  reason,
  requestId: request_id
})

const describe = (exchange: Exchange): object[] =>
  exchange.calls.map(({ method, tool }) => ({
    method,
    tool: tool ?? null,
    startedAt: iso(exchange.startedAt)
  }))
