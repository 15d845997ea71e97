import { sql, type Transaction } from 'kysely'
import type { Clock } from '#shared/clock.ts'
import type { UserId } from '#shared/ids.ts'
import type { SendAnswer, SendQuestion } from '#shared/send-ledger.ts'
import type { Schema } from './schema.ts'
import type { Store } from './store.ts'

type Begin = Extract<SendQuestion, { ask: 'begin' }>
type End = Extract<SendQuestion, { ask: 'end' }>

/** Notes each mail that is sent, before and after, so that no repetition sends it again. Holds hashes, no mail. */
export interface SendLedger {
  /** What is known of this send; from here on it has begun. Rejects when the user is not this gateway's to serve. */
  begin(userId: UserId, send: Omit<Begin, 'ask'>): Promise<SendAnswer>
  /** How it ended. What was not begun, or belongs to another gateway by now, is left alone. */
  end(userId: UserId, ended: Omit<End, 'ask'>): Promise<void>
}

export interface SendLedgerParts {
  readonly store: Pick<Store, 'db' | 'terms' | 'transaction'>
  readonly clock: Clock
  /** Rejects when this gateway may not run the user's worker, in the eyes of the transaction. */
  readonly verifyLease: (userId: UserId, transaction: Store['db']) => Promise<void>
}

/** How long a send is remembered of which nobody knows whether it went out. */
const DOUBT_MS = 86_400_000
/** More than Gmail lets anybody send in a day (support.google.com/a/answer/166852): a worker that goes on has fallen. */
const MOST_PER_USER = 5000

export function createSendLedger({ store, clock, verifyLease }: SendLedgerParts): SendLedger {
  const now = () => store.terms.now(clock.now())
  const within = (ms: number) => sql<number>`${now()} + ${ms}`

  async function begin(
    tx: Transaction<Schema>,
    userId: UserId,
    { key, content, messageId, windowMs }: Omit<Begin, 'ask'>
  ): Promise<SendAnswer> {
    await tx.deleteFrom('sends').where('forget_at', '<=', now()).execute()
    const mine = { user_id: userId, key }
    const row = await tx
      .selectFrom('sends')
      .select(['content', 'message_id', 'sent_id', 'thread_id'])
      .select(sql<number>`${now()} - begun_at`.as('age'))
      .where('user_id', '=', userId)
      .where('key', '=', key)
      .executeTakeFirst()
    const fresh = { begun_at: now(), forget_at: within(Math.max(windowMs, DOUBT_MS)) }
    if (!row) {
      if (await isFull(tx, userId)) return { state: 'unavailable' }
      const sends = { ...mine, content, message_id: messageId, window_ms: windowMs, ...fresh }
      await tx.insertInto('sends').values(sends).execute()
      return { state: 'new' }
    }
    if (row.content !== content) return { state: 'other' }
    if (row.sent_id !== null)
      return {
        state: 'sent',
        messageId: row.message_id,
        id: row.sent_id,
        threadId: row.thread_id ?? ''
      }
    await tx
      .updateTable('sends')
      .set(fresh)
      .where('user_id', '=', userId)
      .where('key', '=', key)
      .execute()
    return { state: 'doubtful', messageId: row.message_id, ageMs: Math.max(0, Number(row.age)) }
  }

  return {
    begin: (userId, send) =>
      store.transaction(async (tx) => {
        await verifyLease(userId, tx)
        return begin(tx, userId, send)
      }),
    end: (userId, { key, outcome }) =>
      store.transaction(async (tx) => {
        await verifyLease(userId, tx)
        if (outcome.state === 'failed')
          await tx
            .deleteFrom('sends')
            .where('user_id', '=', userId)
            .where('key', '=', key)
            .where('sent_id', 'is', null)
            .execute()
        if (outcome.state === 'sent')
          await tx
            .updateTable('sends')
            .set({
              sent_id: outcome.id,
              thread_id: outcome.threadId,
              forget_at: sql<number>`${now()} + window_ms`
            })
            .where('user_id', '=', userId)
            .where('key', '=', key)
            .execute()
      })
  }
}

async function isFull(tx: Transaction<Schema>, userId: UserId): Promise<boolean> {
  const { count } = await tx
    .selectFrom('sends')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('user_id', '=', userId)
    .executeTakeFirstOrThrow()
  return Number(count) >= MOST_PER_USER
}
