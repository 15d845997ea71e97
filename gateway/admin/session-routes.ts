/** Sessions: which there are, and their end. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type * as z from 'zod'
import { asUserId } from '#shared/ids.ts'
import type { Accounts } from '../accounts/accounts.ts'
import type { Exchanges } from '../relay/exchange.ts'
import type { SessionRegistry } from '../sessions/registry.ts'
import type { Session } from '../sessions/session.ts'
import { type ChangeParts, change, endedCalls, iso, notFound } from './answers.ts'
import { type Asked, implement } from './implement.ts'
import { everywhere, implementWhole, type NodesParts } from './nodes.ts'
import { listCalls } from './verbs/calls.ts'
import { endSession, getSession, listSessions, type SessionView } from './verbs/sessions.ts'

export interface SessionParts extends ChangeParts, NodesParts {
  readonly accounts: Accounts
  readonly sessions: SessionRegistry
  readonly exchanges: Exchanges
}

type View = z.infer<typeof SessionView>

export function sessionRoutes(app: FastifyInstance, parts: SessionParts): void {
  implementWhole(app, listSessions, parts, ({ query }) => sessionPage(parts, query), {
    merge: mergePages
  })
  implement(app, getSession, async ({ params: { handle }, request }) => {
    const session = await parts.sessions.byHandle(handle)
    if (!session) return notFound('session', handle)
    const [here] = await viewAll(parts, [session])
    if (!here) return notFound('session', handle)
    return merged([here, ...(await everywhere(parts, request, getSession)).answers])
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

async function viewAll(
  { accounts, nodeName }: SessionParts,
  sessions: readonly Session[]
): Promise<View[]> {
  const emails = await accounts.addresses(sessions.map(({ userId }) => userId))
  return sessions.map((session) => view(session, emails.get(session.userId) ?? null, nodeName))
}

function view(session: Session, email: string | null, nodeName: string): View {
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
    node: session.liveIn === undefined ? null : nodeName,
    createdAt: iso(session.createdAt),
    lastSeenAt: iso(session.lastSeenAt),
    requests: session.requests,
    inFlight: session.inFlight,
    streams: session.streams
  }
}

type Page = z.output<typeof listSessions.answer>

/**
 * The same page as several gateways see it. Each knows only for itself where a session is live, and so may have left others
 * out: what stands behind the end of the shortest page is for the next one.
 */
function mergePages(pages: readonly Page[], { state }: z.output<typeof listSessions.query>): Page {
  const [end] = pages.flatMap(({ nextCursor }) => nextCursor ?? []).toSorted()
  const views = new Map<string, View[]>()
  for (const { sessions } of pages)
    for (const one of sessions) views.set(one.handle, [...(views.get(one.handle) ?? []), one])
  const seenBy = state === 'hibernated' ? pages.length : 1 // it is so when it is so everywhere
  const sessions = [...views.values()]
    .filter((all) => all.length >= seenBy)
    .map(merged)
    .filter(({ handle }) => end === undefined || handle <= end)
    .toSorted((a, b) => (a.handle < b.handle ? -1 : 1))
  return { sessions, ...(end !== undefined && { nextCursor: end }) }
}

/** One session as it is where it is live, with what all gateways have of it. */
function merged(views: readonly View[]): View {
  const live = views.find(({ state }) => state === 'live') ?? views[0]
  if (!live) throw new Error('a session that nobody has seen')
  const sum = (of: 'requests' | 'inFlight' | 'streams'): number =>
    views.reduce((total, view) => total + view[of], 0)
  const lastSeenAt =
    views
      .map((view) => view.lastSeenAt)
      .toSorted()
      .at(-1) ?? live.lastSeenAt
  return {
    ...live,
    ...{ requests: sum('requests'), inFlight: sum('inFlight'), streams: sum('streams') },
    lastSeenAt
  }
}

async function end(parts: SessionParts, handle: string, request: FastifyRequest) {
  const session = await parts.sessions.byHandle(handle)
  if (!session) {
    parts.metrics.admin.inc({ action: 'end_session', result: 'not_found' })
    return notFound('session', handle)
  }
  const calls = `/admin/calls?session=${encodeURIComponent(handle)}`
  const { answers } = await everywhere(parts, request, listCalls, calls)
  const inFlight = [
    ...endedCalls(parts.exchanges.ofSession(session)),
    ...answers.flatMap((answer) =>
      answer.calls.map(({ method, tool, startedAt }) => ({ method: method ?? '', tool, startedAt }))
    )
  ]
  await change(parts, request, { action: 'end_session', target: handle }, () =>
    parts.sessions.end(handle, 'admin')
  )
  return { ended: handle, inFlight }
}
