/** The people of this gateway: who they are, what they have, and how to end it. */

import type { FastifyInstance } from 'fastify'
import type * as z from 'zod'
import { levelGrantedBy } from '#shared/access-levels.ts'
import type { UserId } from '#shared/ids.ts'
import type { Account, Accounts } from '../accounts/accounts.ts'
import type { PersonalTokens } from '../accounts/personal-tokens.ts'
import type { AccountEffects } from '../mcp/account-effects.ts'
import type { ConnectedClients } from '../oauth/connected-clients.ts'
import type { AccountSessions } from '../sessions/owned-sessions.ts'
import type { Supervisor, WorkerSnapshot } from '../supervisor/supervisor.ts'
import type { UsageLedger } from '../telemetry/usage-ledger.ts'
import { type ChangeParts, change, iso, notFound } from './answers.ts'
import type { Holding, Holdings } from './holdings.ts'
import { implement } from './implement.ts'
import { everywhere, implementWhole, type NodesParts } from './nodes.ts'
import { mergedConsumers, mergedPages, mergedPerson } from './people-of-nodes.ts'
import {
  blockUser,
  endUserSessions,
  eraseUser,
  getUser,
  listUsers,
  revokeClient,
  revokeToken,
  topUsers,
  type Usage,
  unblockUser
} from './verbs/users.ts'

export interface UserParts extends ChangeParts, NodesParts {
  readonly accounts: Accounts
  readonly personalTokens: PersonalTokens
  readonly clients: ConnectedClients
  readonly accountSessions: AccountSessions & { endAll(userId: UserId): Promise<string[]> }
  readonly people: Pick<AccountEffects, 'allowsAccount' | 'block' | 'onErase'>
  readonly supervisor: Supervisor
  readonly ledger: UsageLedger
  readonly holdings: Holdings
}

type Person = z.infer<typeof getUser.answer>
type Brief = z.infer<typeof listUsers.answer>['users'][number]

/** `:id` is Google's `sub` or an address. */
export function userRoutes(app: FastifyInstance, parts: UserParts): void {
  implementWhole(app, listUsers, parts, ({ query }) => userPage(parts, query), {
    merge: mergedPages
  })
  implement(app, getUser, async ({ params, request }) => {
    const here = await describe(parts, await named(parts, params.id))
    const { answers, unreached } = await everywhere(parts, request, getUser)
    return { ...mergedPerson([here, ...answers]), ...(unreached.length > 0 && { unreached }) }
  })
  implement(app, topUsers, async ({ query, request }) => {
    const path = `/admin/top?by=${query.by}&limit=1000`
    const { answers, unreached } = await everywhere(parts, request, topUsers, path)
    const here = await top(parts, { ...query, limit: answers.length > 0 ? 1000 : query.limit })
    const lists = [here, ...answers].map(({ users }) => users)
    const amount = amountOf(query.by)
    const users = mergedConsumers(lists)
      .toSorted((a, b) => amount(b.usage) - amount(a.usage))
      .slice(0, query.limit)
    return { users, ...(unreached.length > 0 && { unreached }) }
  })
  accessRoutes(app, parts)

  implement(app, endUserSessions, async ({ params, request }) => {
    const { userId } = await named(parts, params.id)
    const ended = await change(parts, request, { action: 'end_sessions', target: userId }, () =>
      parts.accountSessions.endAll(userId)
    )
    return { ended }
  })
  implement(app, blockUser, async ({ params, request }) => {
    const { userId } = await named(parts, params.id)
    await change(parts, request, { action: 'block', target: userId }, () =>
      parts.people.block(userId)
    )
    return describe(parts, await named(parts, userId))
  })
  implement(app, unblockUser, async ({ params, request }) => {
    const { userId } = await named(parts, params.id)
    await change(parts, request, { action: 'unblock', target: userId }, () =>
      parts.accounts.unblock(userId)
    )
    return describe(parts, await named(parts, userId))
  })
  implement(app, eraseUser, async ({ params, request }) => {
    const { userId } = await named(parts, params.id)
    return change(parts, request, { action: 'erase', target: userId }, async () => {
      await parts.people.onErase(userId)
      const { revokedAtGoogle } = await parts.accounts.erase(userId)
      parts.ledger.forget(userId)
      return { erased: userId, revokedAtGoogle }
    })
  })
}

/** Single clients and tokens of a person. */
function accessRoutes(app: FastifyInstance, parts: UserParts): void {
  implement(app, revokeClient, async ({ params: { id, client }, request }) => {
    const { userId } = await named(parts, id)
    const isConnected = (await parts.clients.list(userId)).some((one) => one.clientId === client)
    if (!isConnected) return notFound('client', client)
    await change(parts, request, { action: 'revoke_client', target: client }, () =>
      endClient(parts, userId, client)
    )
    return { revoked: client }
  })
  implement(app, revokeToken, async ({ params, request }) => {
    const { userId } = await named(parts, params.id)
    if (!(await parts.personalTokens.list(userId)).some(({ id }) => id === params.token))
      return notFound('token', params.token)
    await change(parts, request, { action: 'revoke_token', target: params.token }, () =>
      parts.personalTokens.revoke(userId, params.token)
    )
    return { revoked: params.token }
  })
}

async function endClient(parts: UserParts, userId: UserId, client: string): Promise<void> {
  await parts.clients.revoke(userId, client)
  for (const { handle, clientId } of await parts.accountSessions.list(userId))
    if (clientId === client) await parts.accountSessions.end(handle)
}

async function userPage(
  parts: UserParts,
  { search, state, limit, cursor }: z.infer<typeof listUsers.query>
): Promise<z.infer<typeof listUsers.answer>> {
  const accounts = await parts.accounts.list({ search, state, after: cursor, limit: limit + 1 })
  const page = accounts.slice(0, limit)
  const workers = workersByUser(parts)
  const holdings = await parts.holdings(page.map(({ userId }) => userId))
  const users = page.map((account) => ({
    ...brief(parts, account, workers, holdings.get(account.userId)?.scopes ?? []),
    ...countsIn(holdings.get(account.userId))
  }))
  return { users, nextCursor: accounts.length > limit ? page.at(-1)?.userId : undefined }
}

async function top(
  parts: UserParts,
  { by, limit }: z.infer<typeof topUsers.query>
): Promise<z.infer<typeof topUsers.answer>> {
  const workers = workersByUser(parts)
  const amount = amountOf(by)
  const most = parts.ledger
    .users()
    .map((userId) => ({ userId, usage: usageOf(parts, userId, workers.get(userId)) }))
    .toSorted((a, b) => amount(b.usage) - amount(a.usage))
    .slice(0, limit)
  const emails = await parts.accounts.addresses(most.map(({ userId }) => userId))
  return {
    users: most.map(({ userId, usage }) => ({
      id: userId,
      email: emails.get(userId) ?? null,
      usage
    }))
  }
}

type By = z.output<typeof topUsers.query>['by']

const amountOf =
  (by: By) =>
  (usage: Usage): number =>
    by === 'bytes' ? usage.bytesIn + usage.bytesOut : usage[by]

/** Throws ERR_NOT_FOUND; the latest to come of several accounts that had one address. */
const named = async ({ accounts }: UserParts, id: string): Promise<Account> =>
  (await accounts.named(id)) ?? notFound('user', id)

const workersByUser = ({ supervisor }: UserParts): ReadonlyMap<UserId, WorkerSnapshot> =>
  new Map(
    supervisor.list().flatMap((worker) => (worker.userId === null ? [] : [[worker.userId, worker]]))
  )

function usageOf({ ledger }: UserParts, userId: UserId, worker: WorkerSnapshot | undefined): Usage {
  const { lastCallAt: _, cpuSeconds, ...usage } = ledger.of(userId)
  return { ...usage, cpuSeconds: cpuSeconds + (worker?.cpuSeconds ?? 0) }
}

/** What a list and the view of one person have alike. */
function brief(
  parts: UserParts,
  account: Account,
  workers: ReadonlyMap<UserId, WorkerSnapshot>,
  scopes: readonly string[]
): Omit<Brief, 'sessions' | 'clients' | 'tokens'> {
  const { userId } = account
  const worker = workers.get(userId)
  return {
    id: userId,
    email: account.email,
    hd: account.hd ?? null,
    state: account.state,
    isAllowed: parts.people.allowsAccount(account),
    grant: scopes.length > 0 ? 'ok' : 'needs_reauth',
    level: levelGrantedBy(scopes) ?? null,
    createdAt: iso(account.createdAt),
    lastSeenAt: iso(Math.max(account.lastSeenAt, parts.ledger.of(userId).lastCallAt ?? 0)),
    worker: worker
      ? { id: worker.id, phase: worker.phase, inFlight: worker.inFlight, node: parts.nodeName }
      : null,
    usage: usageOf(parts, userId, worker)
  }
}

const countsIn = ({ sessions, clients, tokens }: Holding = NOTHING) => ({
  sessions,
  clients,
  tokens
})
const NOTHING: Holding = { sessions: 0, clients: 0, tokens: 0, scopes: [] }

async function describe(parts: UserParts, account: Account): Promise<Person> {
  const { userId } = account
  const [scopes, sessions, clients, tokens] = await Promise.all([
    parts.accounts.grantedScopes(userId),
    parts.accountSessions.list(userId),
    parts.clients.list(userId),
    parts.personalTokens.list(userId)
  ])
  return {
    ...brief(parts, account, workersByUser(parts), scopes),
    sessions: sessions.map(({ handle, clientName, createdAt, lastSeenAt }) => ({
      handle,
      client: clientName,
      createdAt: iso(createdAt),
      lastSeenAt: iso(lastSeenAt)
    })),
    clients: clients.map(({ since, lastUsedAt, level, ...client }) => ({
      ...client,
      ...(level !== undefined && { level }),
      since: iso(since),
      lastUsedAt: iso(lastUsedAt)
    })),
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
