import { type Adapter, type AdapterPayload, errors } from 'oidc-provider'
import { hashedId } from '../store/hashed-id.ts'
import type { OAuthRow } from '../store/schema.ts'
import {
  CLIENT_LIFE,
  makeRoomForClient,
  makeRoomForRequest,
  noteClientUse
} from './client-retention.ts'
import { isForgiven, type RefreshGraceParts } from './refresh-grace.ts'

/** Whoever knows such an id may use it: only the hash is stored, so a stolen database opens nothing. */
const SECRET_IDS = new Set([
  'AccessToken',
  'AuthorizationCode',
  'Interaction',
  'RefreshToken',
  'Session'
])

/** oidc-provider's storage in our own table; give the result as its `adapter`. */
export const oidcAdapter =
  (parts: RefreshGraceParts) =>
  (model: string): Adapter =>
    modelStorage(parts, model)

function modelStorage(parts: RefreshGraceParts, model: string): Adapter {
  const { clock } = parts
  const { db } = parts.store
  const isSecret = SECRET_IDS.has(model)
  const keyOf = (id: string) => (isSecret ? hashedId(id) : id)

  const live = () => {
    const now = clock.now()
    return db
      .selectFrom('oauth')
      .select(['payload', 'consumed_at', 'grant_id'])
      .where('model', '=', model)
      .where((where) => where.or([where('expires_at', 'is', null), where('expires_at', '>', now)]))
  }

  const isThere = async (key: string): Promise<boolean> =>
    (await live().where('id', '=', key).executeTakeFirst()) !== undefined

  const mayReturn = async (row: StoredRow): Promise<boolean> =>
    model === 'RefreshToken' && (await isForgiven(parts, row))

  const endOf = (now: number, expiresIn: number | undefined): number | null => {
    if (model === 'Client') return now + CLIENT_LIFE.unused
    return expiresIn ? now + expiresIn * 1000 : null
  }

  return {
    async upsert(id, payload, expiresIn) {
      const now = clock.now()
      if (model === 'Client') await makeRoomForClient(db, now)
      // One that is there may be on its way to be decided, and takes no more room.
      if (model === 'Interaction' && !(await isThere(keyOf(id)))) await makeRoomForRequest(db, now)
      const row = {
        payload: JSON.stringify(isSecret ? { ...payload, jti: undefined } : payload),
        grant_id: payload.grantId ?? null,
        uid: payload.uid ?? null,
        user_id: payload.accountId ?? null,
        client_id: payload.clientId ?? null,
        consumed_at: null,
        expires_at: endOf(now, expiresIn)
      }
      await db
        .insertInto('oauth')
        .values({ model, id: keyOf(id), created_at: now, ...row })
        .onConflict((conflict) => conflict.columns(['model', 'id']).doUpdateSet(row))
        .execute()
      const isUse = model === 'Grant' || model === 'RefreshToken'
      if (isUse && payload.clientId !== undefined) await noteClientUse(db, payload.clientId, now)
    },

    async find(id) {
      const row = await live().where('id', '=', keyOf(id)).executeTakeFirst()
      if (!row) return undefined
      const fresh = (await mayReturn(row)) ? { ...row, consumed_at: null } : row
      return toPayload(fresh, isSecret ? id : undefined)
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
      if (numUpdatedRows > 0n) return
      // The provider looks first and consumes later; of two that looked at once only one may go on.
      const row = await live().where('id', '=', keyOf(id)).executeTakeFirst()
      if (!row || !(await mayReturn(row))) throw new errors.InvalidGrant('already used')
    },

    async destroy(id) {
      await db.deleteFrom('oauth').where('model', '=', model).where('id', '=', keyOf(id)).execute()
    },

    async revokeByGrantId(grantId) {
      await db.deleteFrom('oauth').where('grant_id', '=', grantId).execute()
    }
  }
}

type StoredRow = Pick<OAuthRow, 'payload' | 'consumed_at' | 'grant_id'>

function toPayload(
  row: Pick<OAuthRow, 'payload' | 'consumed_at'>,
  jti: string | undefined
): AdapterPayload {
  const payload: AdapterPayload = JSON.parse(row.payload)
  if (jti !== undefined) payload.jti = jti
  if (row.consumed_at !== null) payload.consumed = Math.floor(row.consumed_at / 1000)
  return payload
}
