import { createHash, randomBytes } from 'node:crypto'
import { AccessLevel } from '#shared/access-levels.ts'
import type { Clock } from '#shared/clock.ts'
import { asUserId, type UserId } from '#shared/ids.ts'
import { oncePerKey } from '#shared/once-per-key.ts'
import type { PersonalTokenRow, UserRow } from '../store/schema.ts'
import type { Patience, Store } from '../store/store.ts'

/** More than anybody needs, and too few to fill a disk with. */
export const TOKENS_PER_PERSON = 50

/** A token for a client without OAuth, as its owner sees it. */
export interface PersonalToken {
  /** Names the token; it cannot be used in its place. */
  readonly id: string
  readonly userId: UserId
  readonly name: string
  readonly level: AccessLevel
  /** Milliseconds since the epoch. */
  readonly createdAt: number
  readonly expiresAt: number
  readonly lastUsedAt: number | undefined
}

interface NewPersonalToken {
  readonly userId: UserId
  readonly name: string
  readonly level: AccessLevel
  /** Milliseconds; 24 hours by default. */
  readonly ttl?: number
}

/** A live token, and what is to be known of its owner whenever it is used. */
export interface VerifiedToken extends PersonalToken {
  readonly owner: Pick<UserRow, 'id' | 'email' | 'hd' | 'state' | 'last_seen_at'>
}

export interface PersonalTokens {
  /** The text is shown once and never stored; only its hash is. */
  create(wanted: NewPersonalToken): Promise<{ token: string; record: PersonalToken }>
  /** Undefined for whatever is not a live token. Notes the use, at most once a minute. `patience`: see `Prepared`. */
  verify(token: string, patience?: Patience): Promise<VerifiedToken | undefined>
  /** Whether the token with this id has neither expired nor been revoked. */
  isLive(id: string): Promise<boolean>
  /** Live tokens of this user, newest first. */
  list(userId: UserId): Promise<readonly PersonalToken[]>
  /** False when this user has no such token. */
  revoke(userId: UserId, id: string): Promise<boolean>
  /** Removes what has expired; answers how many. */
  sweep(): Promise<number>
}

export const PERSONAL_TOKEN_PREFIX = 'mcp_token_'

const SHAPE = /^mcp_token_[\w-]{43}$/
const SECRET_BYTES = 32
const DEFAULT_TTL_MS = 24 * 3600_000
const NOTE_USE_EVERY_MS = 60_000

export interface PersonalTokensParts {
  readonly store: Store
  readonly clock: Clock
}

export function createPersonalTokens({ store, clock }: PersonalTokensParts): PersonalTokens {
  const { db } = store
  const byHash = store.prepared(
    db
      .selectFrom('personal_tokens')
      .innerJoin('users', 'users.id', 'personal_tokens.user_id')
      .selectAll('personal_tokens')
      .select(['users.id', 'users.email', 'users.hd', 'users.state', 'users.last_seen_at'])
      .where('personal_tokens.hash', '=', '')
  )

  const noteUse = oncePerKey(async (hash: string) => {
    await db
      .updateTable('personal_tokens')
      .set({ last_used_at: clock.now() })
      .where('hash', '=', hash)
      .execute()
  })

  return {
    async create({ userId, name, level, ttl = DEFAULT_TTL_MS }) {
      const token = `${PERSONAL_TOKEN_PREFIX}${randomBytes(SECRET_BYTES).toString('base64url')}`
      const now = clock.now()
      const row = {
        hash: hashOf(token),
        user_id: userId,
        name,
        level,
        created_at: now,
        expires_at: now + ttl,
        last_used_at: null
      }
      await db.insertInto('personal_tokens').values(row).execute()
      return { token, record: toRecord(row) }
    },

    async verify(token, patience) {
      if (!SHAPE.test(token)) return undefined
      // Looked up by hash: how long the look-up takes tells nothing about the token.
      const hash = hashOf(token)
      const [row] = await (patience === 'soon' ? byHash.soon : byHash)(hash)
      const now = clock.now()
      if (!row || row.expires_at <= now) return undefined
      if (row.last_used_at === null || Math.abs(now - row.last_used_at) >= NOTE_USE_EVERY_MS) {
        noteUse(hash)
      }
      const { id, email, hd, state, last_seen_at } = row
      return { ...toRecord(row), owner: { id, email, hd, state, last_seen_at } }
    },

    async isLive(id) {
      const row = await db
        .selectFrom('personal_tokens')
        .select('expires_at')
        .where('hash', '=', id)
        .executeTakeFirst()
      return row !== undefined && row.expires_at > clock.now()
    },

    async list(userId) {
      const rows = await db
        .selectFrom('personal_tokens')
        .selectAll()
        .where('user_id', '=', userId)
        .where('expires_at', '>', clock.now())
        .orderBy('created_at', 'desc')
        .execute()
      return rows.map(toRecord)
    },

    async revoke(userId, id) {
      const { numDeletedRows } = await db
        .deleteFrom('personal_tokens')
        .where('hash', '=', id)
        .where('user_id', '=', userId)
        .executeTakeFirstOrThrow()
      return numDeletedRows > 0n
    },

    async sweep() {
      const { numDeletedRows } = await db
        .deleteFrom('personal_tokens')
        .where('expires_at', '<=', clock.now())
        .executeTakeFirstOrThrow()
      return Number(numDeletedRows)
    }
  }
}

/** The token has 256 random bits, so a plain hash is as good as a slow one. */
const hashOf = (token: string) => createHash('sha256').update(token).digest('base64url')

const toRecord = (row: PersonalTokenRow): PersonalToken => ({
  id: row.hash,
  userId: asUserId(row.user_id),
  name: row.name,
  level: AccessLevel.parse(row.level),
  createdAt: row.created_at,
  expiresAt: row.expires_at,
  lastUsedAt: row.last_used_at ?? undefined
})
