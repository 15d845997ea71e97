/** The people of this gateway: who they are, what they have, and how to end it. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import * as z from 'zod'
import { levelGrantedBy } from '#shared/access-levels.ts'
import type { UserId } from '#shared/ids.ts'
import type { Account, Accounts } from '../accounts/accounts.ts'
import type { PersonalTokens } from '../accounts/personal-tokens.ts'
import type { AccountSessions } from '../oauth/account-sessions.ts'
import type { ConnectedClients } from '../oauth/connected-clients.ts'
import type { People } from '../people.ts'
import type { Supervisor } from '../supervisor/supervisor.ts'
import type { Ledger } from '../telemetry/ledger.ts'
import { type ChangeParts, change, iso, notFound, read } from './answers.ts'

export interface UserParts extends ChangeParts {
  readonly accounts: Accounts
  readonly personalTokens: PersonalTokens
  readonly clients: ConnectedClients
  readonly accountSessions: AccountSessions & { endAll(userId: UserId): Promise<void> }
  readonly people: Pick<People, 'allowsAccount' | 'block' | 'onErase'>
  readonly supervisor: Supervisor
  readonly ledger: Ledger
}

const UserQuery = z.strictObject({
  /** Part of an address. */
  search: z.string().max(320).optional(),
  state: z.enum(['active', 'blocked', 'needs_reauth']).optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
  cursor: z.string().max(255).optional()
})
const One = z.object({ id: z.string().min(1).max(320) })
const OneClient = One.extend({ client: z.string().max(2000) })
const OneToken = One.extend({ token: z.string().max(100) })

/** `:id` is Google's `sub` or an address. */
export async function userRoutes(app: FastifyInstance, parts: UserParts): Promise<void> {
  app.get('/admin/users', async (request) => userPage(parts, request))
  app.get('/admin/users/:id', async (request) => describe(parts, await named(parts, request)))

  app.delete('/admin/users/:id/sessions', async (request) => {
    const { userId } = await named(parts, request)
    const ended = (await parts.accountSessions.list(userId)).map(({ handle }) => handle)
    await change(parts, request, { action: 'end_sessions', target: userId }, () =>
      parts.accountSessions.endAll(userId)
    )
    return { ended }
  })
  app.post('/admin/users/:id/block', async (request) => {
    const { userId } = await named(parts, request)
    await change(parts, request, { action: 'block', target: userId }, () =>
      parts.people.block(userId)
    )
    return describe(parts, await named(parts, request))
  })
  app.post('/admin/users/:id/unblock', async (request) => {
    const { userId } = await named(parts, request)
    await change(parts, request, { action: 'unblock', target: userId }, () =>
      parts.accounts.unblock(userId)
    )
    return describe(parts, await named(parts, request))
  })
  app.delete('/admin/users/:id/clients/:client', async (request) => {
    const { userId } = await named(parts, request)
    const { client } = read(OneClient, request.params)
    const isConnected = (await parts.clients.list(userId)).some((one) => one.clientId === client)
    if (!isConnected) return notFound('client', client)
    await change(parts, request, { action: 'revoke_client', target: client }, () =>
      endClient(parts, userId, client)
    )
    return { revoked: client }
  })
  app.delete('/admin/users/:id/tokens/:token', async (request) => {
    const { userId } = await named(parts, request)
    const { token } = read(OneToken, request.params)
    if (!(await parts.personalTokens.list(userId)).some(({ id }) => id === token))
      return notFound('token', token)
    await change(parts, request, { action: 'revoke_token', target: token }, () =>
      parts.personalTokens.revoke(userId, token)
    )
    return { revoked: token }
  })
  app.delete('/admin/users/:id', async (request) => {
    const { userId } = await named(parts, request)
    return change(parts, request, { action: 'erase', target: userId }, async () => {
      await parts.people.onErase(userId)
      const { revokedAtGoogle } = await parts.accounts.erase(userId)
      parts.ledger.forget(userId)
      return { erased: userId, revokedAtGoogle }
    })
  })
}

async function endClient(parts: UserParts, userId: UserId, client: string): Promise<void> {
  await parts.clients.revoke(userId, client)
  for (const { handle, clientId } of await parts.accountSessions.list(userId))
    if (clientId === client) await parts.accountSessions.end(handle)
}

async function userPage(parts: UserParts, request: FastifyRequest): Promise<object> {
  const { search, state, limit, cursor } = read(UserQuery, request.query)
  const accounts = await parts.accounts.list({ search, state, after: cursor, limit: limit + 1 })
  const page = accounts.slice(0, limit)
  return {
    users: await Promise.all(page.map((account) => brief(parts, account))),
    nextCursor: accounts.length > limit ? page.at(-1)?.userId : undefined
  }
}

/** Throws ERR_NOT_FOUND; the latest to come of several accounts that had one address. */
async function named({ accounts }: UserParts, request: FastifyRequest): Promise<Account> {
  const { id } = read(One, request.params)
  return (await accounts.named(id)) ?? notFound('user', id)
}

async function brief(parts: UserParts, account: Account): Promise<object> {
  const { userId } = account
  const [sessions, clients, tokens, scopes] = await Promise.all([
    parts.accountSessions.list(userId),
    parts.clients.list(userId),
    parts.personalTokens.list(userId),
    parts.accounts.grantedScopes(userId)
  ])
  const worker = parts.supervisor.list().find((one) => one.userId === userId)
  const { lastCallAt, cpuSeconds, ...usage } = parts.ledger.of(userId)
  return {
    id: userId,
    email: account.email,
    hd: account.hd ?? null,
    state: account.state,
    isAllowed: parts.people.allowsAccount(account),
    grant: scopes.length > 0 ? 'ok' : 'needs_reauth',
    level: levelGrantedBy(scopes) ?? null,
    createdAt: iso(account.createdAt),
    lastSeenAt: iso(Math.max(account.lastSeenAt, lastCallAt ?? 0)),
    sessions: sessions.length,
    clients: clients.length,
    tokens: tokens.length,
    worker: worker ? { id: worker.id, phase: worker.phase, inFlight: worker.inFlight } : null,
    /** Since the gateway started. */
    usage: { ...usage, cpuSeconds: cpuSeconds + (worker?.cpuSeconds ?? 0) }
  }
}

async function describe(parts: UserParts, account: Account): Promise<object> {
  const { userId } = account
  const [all, sessions, clients, tokens] = await Promise.all([
    brief(parts, account),
    parts.accountSessions.list(userId),
    parts.clients.list(userId),
    parts.personalTokens.list(userId)
  ])
  return {
    ...all,
    sessions: sessions.map(({ handle, clientName, createdAt, lastSeenAt }) => ({
      handle,
      client: clientName,
      createdAt: iso(createdAt),
      lastSeenAt: iso(lastSeenAt)
    })),
    clients: clients.map(({ since, ...client }) => ({ ...client, since: iso(since) })),
    tokens: tokens.map(({ id, name, level, createdAt, expiresAt, lastUsedAt }) => ({
      id,
      name,
      level,
      createdAt: iso(createdAt),
      expiresAt: iso(expiresAt),
      lastUsedAt: lastUsedAt === undefined ? null : iso(lastUsedAt)
    }))
  }
}
