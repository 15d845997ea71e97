/** Sessions: which there are, and their end. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type * as z from 'zod'
import { asUserId } from '#shared/ids.ts'
import type { Accounts } from '../accounts/accounts.ts'
import type { Exchanges } from '../http/exchange.ts'
import type { SessionRegistry } from '../sessions/registry.ts'
import type { Session } from '../sessions/session.ts'
import { type ChangeParts, change, endedCalls, iso, notFound } from './answers.ts'
import { type Asked, implement } from './implement.ts'
import { endSession, getSession, listSessions, type SessionView } from './verbs/sessions.ts'

export interface SessionParts extends ChangeParts {
  readonly accounts: Accounts
  readonly sessions: SessionRegistry
  readonly exchanges: Exchanges
}

type View = z.infer<typeof SessionView>

export function sessionRoutes(app: FastifyInstance, parts: SessionParts): void {
  implement(app, listSessions, ({ query }) => sessionPage(parts, query))
  implement(app, getSession, async ({ params: { handle } }) => {
    const session = await parts.sessions.byHandle(handle)
    if (!session) return notFound('session', handle)
    const [shown] = await viewAll(parts, [session])
    return shown ?? notFound('session', handle)
  })
  implement(app, endSession, ({ params, request }) => end(parts, params.handle, request))
}

async function sessionPage(
  parts: SessionParts,
  { user, client, state, limit, cursor }: Asked<never, z.infer<typeof listSessions.query>>['query']
): Promise<{ sessions: View[]; nextCursor: string | undefined }> {
  const userId =
    user === undefined ? undefined : ((await parts.accounts.named(user))?.userId ?? asUserId(user))
  const sessions = await parts.sessions.list({
    limit: limit + 1,
    ...(userId !== undefined && { userId }),
    ...(client !== undefined && { client }),
    ...(state !== undefined && { state }),
    ...(cursor !== undefined && { cursor })
  })
  const page = sessions.slice(0, limit)
  return {
    sessions: await viewAll(parts, page),
    nextCursor: sessions.length > limit ? page.at(-1)?.handle : undefined
  }
}

async function viewAll({ accounts }: SessionParts, sessions: readonly Session[]): Promise<View[]> {
  const emails = await accounts.addresses(sessions.map(({ userId }) => userId))
  return sessions.map((session) => view(session, emails.get(session.userId) ?? null))
}

function view(session: Session, email: string | null): View {
  const { name, version } = session.initialize.clientInfo
  return {
    handle: session.handle,
    userId: session.userId,
    email,
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

async function end(parts: SessionParts, handle: string, request: FastifyRequest) {
  const session = await parts.sessions.byHandle(handle)
  if (!session) {
    parts.metrics.admin.inc({ action: 'end_session', result: 'not_found' })
    return notFound('session', handle)
  }
  const inFlight = endedCalls(parts.exchanges.ofSession(session))
  await change(parts, request, { action: 'end_session', target: handle }, () =>
    parts.sessions.end(handle, 'admin')
  )
  return { ended: handle, inFlight }
}
