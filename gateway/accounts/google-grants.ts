import type { Clock } from '#shared/clock.ts'
import { asUserId, type UserId } from '#shared/ids.ts'
import type { Store } from '../store/store.ts'
import type { Vault } from './vault.ts'

/** What one user let this gateway do at Google. */
export interface GoogleGrant {
  readonly refreshToken: string
  readonly scopes: readonly string[]
  /** Names this version of the grant in `replaceToken` and `removeIf`. */
  readonly version: string
}

/** The stored Google grants, one for each user, sealed. */
export interface GoogleGrants {
  find(userId: UserId): Promise<GoogleGrant | undefined>
  scopes(userId: UserId): Promise<readonly string[]>
  /** After a sign-in. An account that had to sign in again is active with it. */
  put(userId: UserId, refreshToken: string, scopes: readonly string[]): Promise<void>
  /** Keeps the token; only what it allows has changed. */
  setScopes(userId: UserId, scopes: readonly string[]): Promise<void>
  /** Stores a token that Google rotated, unless the grant is no longer `version`. */
  replaceToken(userId: UserId, version: string, refreshToken: string): Promise<void>
  /** Removes the grant if it still is `version`; false when a newer one has taken its place. */
  removeIf(userId: UserId, version: string): Promise<boolean>
  /**
   * Seals every grant under the current key that is under an older one; answers how many. Safe while
   * grants change, and in two gateways at once. A grant whose key is gone stays as it is.
   */
  reseal(): Promise<number>
  /** How many grants each key has sealed, by the key's name. */
  countByKey(): Promise<ReadonlyMap<string, number>>
  /** Removes every grant that cannot be opened; answers whose they were. */
  removeLost(): Promise<readonly UserId[]>
}

const USE = 'google-refresh-token'

export interface GoogleGrantsParts {
  readonly store: Store
  readonly vault: Vault
  readonly clock: Clock
}

export function createGoogleGrants({ store, vault, clock }: GoogleGrantsParts): GoogleGrants {
  const { db } = store
  const setSealed = async (
    userId: UserId,
    version: string,
    next: { sealed: string; kid: string }
  ) => {
    const { numUpdatedRows } = await db
      .updateTable('google_grants')
      .set({ ...next, updated_at: clock.now() })
      .where('user_id', '=', userId)
      .where('sealed', '=', version)
      .executeTakeFirstOrThrow()
    return Number(numUpdatedRows)
  }
  return {
    async find(userId) {
      const row = await db
        .selectFrom('google_grants')
        .select(['sealed', 'scopes'])
        .where('user_id', '=', userId)
        .executeTakeFirst()
      if (!row) return undefined
      const refreshToken = await vault.open(userId, USE, row.sealed)
      return { refreshToken, scopes: words(row.scopes), version: row.sealed }
    },
    async scopes(userId) {
      const row = await db
        .selectFrom('google_grants')
        .select('scopes')
        .where('user_id', '=', userId)
        .executeTakeFirst()
      return row ? words(row.scopes) : []
    },
    async put(userId, refreshToken, scopes) {
      const sealed = await vault.seal(userId, USE, refreshToken)
      const row = { ...sealed, scopes: scopes.join(' '), updated_at: clock.now() }
      await store.transaction(async (trx) => {
        await trx
          .insertInto('google_grants')
          .values({ user_id: userId, ...row })
          .onConflict((conflict) => conflict.column('user_id').doUpdateSet(row))
          .execute()
        await trx
          .updateTable('users')
          .set({ state: 'active' })
          .where('id', '=', userId)
          .where('state', '=', 'needs_reauth')
          .execute()
      })
    },
    async setScopes(userId, scopes) {
      await db
        .updateTable('google_grants')
        .set({ scopes: scopes.join(' '), updated_at: clock.now() })
        .where('user_id', '=', userId)
        .execute()
    },
    async replaceToken(userId, version, refreshToken) {
      await setSealed(userId, version, await vault.seal(userId, USE, refreshToken))
    },
    async removeIf(userId, version) {
      const { numDeletedRows } = await db
        .deleteFrom('google_grants')
        .where('user_id', '=', userId)
        .where('sealed', '=', version)
        .executeTakeFirstOrThrow()
      return numDeletedRows > 0n
    },
    async reseal() {
      const old = await db
        .selectFrom('google_grants')
        .select(['user_id', 'sealed'])
        .where('kid', '!=', vault.currentKid)
        .execute()
      let resealed = 0
      for (const row of old) {
        const userId = asUserId(row.user_id)
        const secret = await vault.open(userId, USE, row.sealed).catch(() => undefined)
        if (secret === undefined) continue
        resealed += await setSealed(userId, row.sealed, await vault.seal(userId, USE, secret))
      }
      return resealed
    },
    countByKey: () => countByKey(db),
    removeLost: () => removeLost(db, vault)
  }
}

async function countByKey(db: Store['db']): Promise<ReadonlyMap<string, number>> {
  const rows = await db
    .selectFrom('google_grants')
    .select(({ fn }) => ['kid', fn.countAll<number>().as('grants')])
    .groupBy('kid')
    .execute()
  return new Map(rows.map(({ kid, grants }) => [kid, Number(grants)]))
}

async function removeLost(db: Store['db'], vault: Vault): Promise<readonly UserId[]> {
  const rows = await db.selectFrom('google_grants').select(['user_id', 'sealed']).execute()
  const removed: UserId[] = []
  for (const row of rows) {
    const userId = asUserId(row.user_id)
    if (await vault.open(userId, USE, row.sealed).then(isOpened, isLost)) continue
    const { numDeletedRows } = await db
      .deleteFrom('google_grants')
      .where('user_id', '=', userId)
      .where('sealed', '=', row.sealed)
      .executeTakeFirstOrThrow()
    if (numDeletedRows > 0n) removed.push(userId)
  }
  return removed
}

const isOpened = () => true
const isLost = () => false

const words = (text: string) => text.split(' ').filter((word) => word !== '')
