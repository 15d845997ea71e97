import type { Clock } from '#shared/clock.ts'
import { GatewayError } from '#shared/errors.ts'
import { asUserId, type UserId } from '#shared/ids.ts'
import type { UserRow } from '../store/schema.ts'
import type { Store } from '../store/store.ts'
import type { GoogleGrants } from './google-grants.ts'
import type { Google, GoogleProfile } from './google-oidc.ts'

export interface Account {
  readonly userId: UserId
  readonly email: string
  /** The Workspace domain that Google vouched for at the last sign-in. */
  readonly hd: string | undefined
  readonly state: UserRow['state']
  /** Milliseconds since the epoch, like every time here. */
  readonly createdAt: number
  readonly lastSeenAt: number
}

interface AccountPage {
  /** Only accounts whose id sorts after this one. */
  readonly after?: string | undefined
  /** Only accounts with this in their address, in any case. */
  readonly search?: string | undefined
  readonly state?: UserRow['state'] | undefined
  readonly limit?: number | undefined
}

/** The people who signed in, and what they granted. */
export interface Accounts {
  find(userId: UserId): Promise<Account | undefined>
  /** The addresses of those of these people who are here. */
  addresses(userIds: readonly UserId[]): Promise<ReadonlyMap<UserId, string>>
  /** By id, or by address in any case: then the one seen last, since Google may give an address to another. */
  named(idOrAddress: string): Promise<Account | undefined>
  /** By id, at most `limit` (100 by default). */
  list(page?: AccountPage): Promise<readonly Account[]>
  /** What Google granted for this account; empty without a grant. */
  grantedScopes(userId: UserId): Promise<readonly string[]>
  /**
   * Notes a finished sign-in: a new account, or the present address of a known one.
   * Rejects with ERR_ACCOUNT_BLOCKED; then nothing is stored.
   */
  admit(profile: GoogleProfile): Promise<Account>
  /** Bearer tokens of a blocked account stop at once. The caller stops worker and sessions. Idempotent. */
  block(userId: UserId): Promise<void>
  /** Idempotent. Without a Google grant the person has to sign in again. */
  unblock(userId: UserId): Promise<void>
  /**
   * Google ended the grant: tokens of MCP clients end with it, so that clients begin a new sign-in by
   * themselves. Personal tokens stay and tell their holder what to do.
   */
  needsReauth(userId: UserId): Promise<void>
  /**
   * Revokes at Google and removes every row of this person; the audit keeps what was done, not by whom. The
   * rows go even when Google cannot be reached; the answer says whether it could. The caller stops worker and
   * sessions first. Idempotent.
   */
  erase(userId: UserId): Promise<{ revokedAtGoogle: boolean }>
}

export interface AccountsParts {
  readonly store: Store
  readonly grants: GoogleGrants
  readonly google: Pick<Google, 'revoke'>
  readonly clock: Clock
}

const PAGE = 100

export function createAccounts({ store, grants, google, clock }: AccountsParts): Accounts {
  const { db } = store
  const setState = (userId: UserId, state: UserRow['state']) =>
    db.updateTable('users').set({ state }).where('id', '=', userId)

  return {
    async find(userId) {
      const row = await db
        .selectFrom('users')
        .selectAll()
        .where('id', '=', userId)
        .executeTakeFirst()
      return row && toAccount(row)
    },

    async addresses(userIds) {
      const rows = await db
        .selectFrom('users')
        .select(['id', 'email'])
        .where('id', 'in', store.terms.listed(userIds))
        .execute()
      return new Map(rows.map(({ id, email }) => [asUserId(id), email]))
    },

    named: (idOrAddress) => named(db, idOrAddress),
    list: (page) => list(store, page),
    grantedScopes: (userId) => grants.scopes(userId),

    async admit({ userId, email, hd = null }) {
      const now = clock.now()
      return store.transaction(async (trx) => {
        const row = await trx
          .insertInto('users')
          .values({ id: userId, email, hd, state: 'active', created_at: now, last_seen_at: now })
          .onConflict((conflict) =>
            conflict.column('id').doUpdateSet({ email, hd, last_seen_at: now })
          )
          .returningAll()
          .executeTakeFirstOrThrow()
        if (row.state === 'blocked') {
          throw new GatewayError('ERR_ACCOUNT_BLOCKED', 'An operator blocked this account.')
        }
        return toAccount(row)
      })
    },

    async block(userId) {
      await setState(userId, 'blocked').execute()
    },

    async unblock(userId) {
      const hasGrant = (await grants.scopes(userId)).length > 0
      await setState(userId, hasGrant ? 'active' : 'needs_reauth')
        .where('state', '=', 'blocked')
        .execute()
    },

    async needsReauth(userId) {
      await store.transaction(async (trx) => {
        await trx
          .updateTable('users')
          .set({ state: 'needs_reauth' })
          .where('id', '=', userId)
          .where('state', '=', 'active')
          .execute()
        await trx.deleteFrom('oauth').where('user_id', '=', userId).execute()
      })
    },

    async erase(userId) {
      const revokedAtGoogle = await revokeAtGoogle(userId, grants, google)
      await store.transaction(async (trx) => {
        // First: a session is stored only under a lease, so that none is added after these are removed.
        await forgetLease(trx, userId)
        for (const table of ['oauth', 'sessions'] as const) {
          await trx.deleteFrom(table).where('user_id', '=', userId).execute()
        }
        await trx
          .updateTable('audit')
          .set({ actor: 'user' })
          .where('actor', '=', `user:${userId}`)
          .execute()
        await trx
          .updateTable('audit')
          .set({ target: 'user' })
          .where('target', '=', userId)
          .execute()
        await trx.deleteFrom('users').where('id', '=', userId).execute()
      })
      return { revokedAtGoogle }
    }
  }
}

/** The row names the person; only its number must not come again, since whoever had a lease may still hold it. */
async function forgetLease(db: Store['db'], userId: UserId): Promise<void> {
  const gone = await db
    .deleteFrom('owners')
    .where('user_id', '=', userId)
    .returning('epoch')
    .executeTakeFirst()
  if (!gone) return
  await db
    .updateTable('lease_floor')
    .set({ epoch: gone.epoch })
    .where('epoch', '<', gone.epoch)
    .execute()
}

async function named(db: Store['db'], idOrAddress: string): Promise<Account | undefined> {
  const row = await db
    .selectFrom('users')
    .selectAll()
    .where(({ eb, or, fn }) =>
      or([
        eb('id', '=', idOrAddress),
        eb(fn<string>('lower', ['email']), '=', idOrAddress.toLowerCase())
      ])
    )
    .orderBy('last_seen_at', 'desc')
    .limit(1)
    .executeTakeFirst()
  return row && toAccount(row)
}

async function list(
  { db, terms }: Store,
  { after, search, state, limit = PAGE }: AccountPage = {}
): Promise<readonly Account[]> {
  let query = db.selectFrom('users').selectAll().orderBy('id').limit(limit)
  if (after !== undefined) query = query.where('id', '>', after)
  if (state !== undefined) query = query.where('state', '=', state)
  if (search !== undefined) query = query.where(terms.contains('email', search))
  return (await query.execute()).map(toAccount)
}

/** A grant that cannot be opened or revoked must not keep the person's rows alive. */
async function revokeAtGoogle(
  userId: UserId,
  grants: GoogleGrants,
  google: Pick<Google, 'revoke'>
): Promise<boolean> {
  try {
    const grant = await grants.find(userId)
    if (grant) await google.revoke(grant.refreshToken)
    return true
  } catch (cause) {
    if (cause instanceof GatewayError) return false
    throw cause
  }
}

const toAccount = (row: UserRow): Account => ({
  userId: asUserId(row.id),
  email: row.email,
  hd: row.hd ?? undefined,
  state: row.state,
  createdAt: row.created_at,
  lastSeenAt: row.last_seen_at
})
