import { createHash } from 'node:crypto'
import { type Adapter, type AdapterPayload, errors } from 'oidc-provider'
import type { Clock } from '#shared/clock.ts'
import type { OAuthRow } from '../store/schema.ts'
import type { Store } from '../store/store.ts'

/** Whoever knows such an id may use it: only the hash is stored, so a stolen database opens nothing. */
const SECRET_IDS = new Set([
  'AccessToken',
  'AuthorizationCode',
  'Interaction',
  'RefreshToken',
  'Session'
])

/** How the id of a secret is stored. */
export const hashedId = (id: string): string => createHash('sha256').update(id).digest('base64url')

/** oidc-provider's storage in our own table; give the result as its `adapter`. */
export const oauthStorage =
  ({ db }: Store, clock: Clock) =>
  (model: string): Adapter =>
    modelStorage(db, clock, model)

function modelStorage(db: Store['db'], clock: Clock, model: string): Adapter {
  const isSecret = SECRET_IDS.has(model)
  const keyOf = (id: string) => (isSecret ? hashedId(id) : id)

  const live = () => {
    const now = clock.now()
    return db
      .selectFrom('oauth')
      .select(['payload', 'consumed_at'])
      .where('model', '=', model)
      .where((where) => where.or([where('expires_at', 'is', null), where('expires_at', '>', now)]))
  }

  return {
    async upsert(id, payload, expiresIn) {
      const now = clock.now()
      const row = {
        payload: JSON.stringify(isSecret ? { ...payload, jti: undefined } : payload),
        grant_id: payload.grantId ?? null,
        uid: payload.uid ?? null,
        user_id: payload.accountId ?? null,
        client_id: payload.clientId ?? null,
        consumed_at: null,
        expires_at: expiresIn ? now + expiresIn * 1000 : null
      }
      await db
        .insertInto('oauth')
        .values({ model, id: keyOf(id), created_at: now, ...row })
        .onConflict((conflict) => conflict.columns(['model', 'id']).doUpdateSet(row))
        .execute()
    },

    async find(id) {
      const row = await live().where('id', '=', keyOf(id)).executeTakeFirst()
      return row && toPayload(row, isSecret ? id : undefined)
    },

    async findByUid(uid) {
      const row = await live().where('uid', '=', uid).executeTakeFirst()
      return row && toPayload(row, undefined)
    },

    /** The device flow is off. */
    async findByUserCode() {
      return undefined
    },

    async consume(id) {
      const { numUpdatedRows } = await db
        .updateTable('oauth')
        .set({ consumed_at: clock.now() })
        .where('model', '=', model)
        .where('id', '=', keyOf(id))
        .where('consumed_at', 'is', null)
        .executeTakeFirstOrThrow()
      // The provider looks first and consumes later; of two that looked at once only one may go on.
      if (numUpdatedRows === 0n) throw new errors.InvalidGrant('already used')
    },

    async destroy(id) {
      await db.deleteFrom('oauth').where('model', '=', model).where('id', '=', keyOf(id)).execute()
    },

    async revokeByGrantId(grantId) {
      await db.deleteFrom('oauth').where('grant_id', '=', grantId).execute()
    }
  }
}

function toPayload(
  row: Pick<OAuthRow, 'payload' | 'consumed_at'>,
  jti: string | undefined
): AdapterPayload {
  const payload: AdapterPayload = JSON.parse(row.payload)
  if (jti !== undefined) payload.jti = jti
  if (row.consumed_at !== null) payload.consumed = Math.floor(row.consumed_at / 1000)
  return payload
}
