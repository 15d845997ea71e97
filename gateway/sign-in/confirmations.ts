import { randomBytes } from 'node:crypto'
import * as z from 'zod'
import type { Clock } from '#shared/clock.ts'
import type { UserId } from '#shared/ids.ts'
import type { ConfirmAnswer } from '#shared/worker-protocol.ts'
import type { Store } from '../store/store.ts'
import type { SealedCookies } from '../web/sealed-cookies.ts'

/** Where people see and end what they allowed. */
export const ACCOUNT_PATH = '/account'

/** An act that waits for its person's word. */
export interface WaitingAct {
  readonly id: string
  /** What would happen, a line each. They may hold the words of others. */
  readonly words: readonly string[]
  /** Ms since the epoch. */
  readonly expiresAt: number
}

/**
 * Acts of tools that only the account's person can allow. They are rows beside those of sign-in, whose upkeep and erasing
 * they share, so that any gateway of the store can show them; what they say is sealed.
 */
export interface Confirmations {
  /** Whether this person has allowed the act, which is then used up; otherwise they are asked. */
  ask(userId: UserId, hash: string, words: readonly string[]): Promise<ConfirmAnswer>
  /** What waits for this person's word, the oldest first. */
  waiting(userId: UserId): Promise<readonly WaitingAct[]>
  /** Notes the person's word. False for what is not theirs, was answered or has expired. */
  decide(userId: UserId, id: string, isAllowed: boolean): Promise<boolean>
}

const MODEL = 'Confirmation'
const LIFE_SECONDS = 600
/** More would be read by nobody. */
const MOST_WAITING = 20
const Words = z.array(z.string())
const REFUSED = 'refused'

export interface ConfirmationsParts {
  readonly store: Pick<Store, 'db'>
  readonly cookies: Pick<SealedCookies, 'seal' | 'open'>
  readonly clock: Clock
  readonly publicUrl: string
}

export function createConfirmations(parts: ConfirmationsParts): Confirmations {
  const { cookies, clock, publicUrl } = parts
  const { db } = parts.store
  const rowsOf = (userId: UserId) =>
    db
      .selectFrom('oauth')
      .select(['id', 'uid', 'payload', 'consumed_at', 'expires_at'])
      .where('model', '=', MODEL)
      .where('user_id', '=', userId)
      .where('expires_at', '>', clock.now())
      .orderBy('created_at')
  const asked = (id: string, expiresAt: number): ConfirmAnswer => ({
    state: 'asked',
    url: `${publicUrl}${ACCOUNT_PATH}/confirm/${id}`,
    expiresAt: new Date(expiresAt).toISOString()
  })

  /** Only one of two who ask at once gets an answer that is used up with it. */
  const take = async (id: string): Promise<boolean> => {
    const gone = await db
      .deleteFrom('oauth')
      .where('model', '=', MODEL)
      .where('id', '=', id)
      .where('consumed_at', 'is not', null)
      .returning('id')
      .executeTakeFirst()
    return gone !== undefined
  }

  return {
    async ask(userId, hash, words) {
      const rows = await rowsOf(userId).execute()
      const row = rows.find(({ uid }) => uid === hash)
      if (row) {
        if (row.consumed_at === null) return asked(row.id, row.expires_at ?? 0)
        const isAllowed = row.payload !== REFUSED
        if (await take(row.id)) return { state: isAllowed ? 'allowed' : 'refused' }
      }
      if (rows.length >= MOST_WAITING) return { state: 'unavailable' }
      const id = randomBytes(16).toString('base64url')
      const now = clock.now()
      await db
        .insertInto('oauth')
        .values({
          model: MODEL,
          id,
          payload: await cookies.seal('confirmation', words, LIFE_SECONDS),
          grant_id: null,
          uid: hash,
          user_id: userId,
          client_id: null,
          created_at: now,
          consumed_at: null,
          expires_at: now + LIFE_SECONDS * 1000
        })
        .execute()
      return asked(id, now + LIFE_SECONDS * 1000)
    },

    async waiting(userId) {
      const rows = await rowsOf(userId).where('consumed_at', 'is', null).execute()
      return Promise.all(
        rows.map(async ({ id, payload, expires_at }) => ({
          id,
          words: Words.catch([]).parse(await cookies.open('confirmation', payload)),
          expiresAt: expires_at ?? 0
        }))
      )
    },

    async decide(userId, id, isAllowed) {
      const { numUpdatedRows } = await db
        .updateTable('oauth')
        .set({ consumed_at: clock.now(), ...(!isAllowed && { payload: REFUSED }) })
        .where('model', '=', MODEL)
        .where('id', '=', id)
        .where('user_id', '=', userId)
        .where('consumed_at', 'is', null)
        .where('expires_at', '>', clock.now())
        .executeTakeFirst()
      return numUpdatedRows > 0n
    }
  }
}
