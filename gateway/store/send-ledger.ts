import { sql, type Transaction } from 'kysely'
import type { Clock } from '#shared/clock.ts'
import type { UserId } from '#shared/ids.ts'
import type { SendAnswer, SendQuestion } from '#shared/send-ledger.ts'
import type { Schema } from './schema.ts'
import type { Store } from './store.ts'

type Begin = Extract<SendQuestion, { ask: 'begin' }>
type Look = Extract<SendQuestion, { ask: 'look' }>
type End = Extract<SendQuestion, { ask: 'end' }>

/**
 * Notes each mail that is sent and each draft that is saved, before and after, so that no repetition does it again. Holds
 * hashes, no mail. Each method rejects when the user is not this gateway's to serve.
 */
export interface SendLedger {
  /** What is known of this send; unless it was sent, it has begun from here on. */
  begin(userId: UserId, send: Omit<Begin, 'ask'>): Promise<SendAnswer>
  /** What is known of this send, without beginning it. */
  look(userId: UserId, send: Omit<Look, 'ask'>): Promise<SendAnswer>
  /** How it ended. What was not begun is left alone. */
  end(userId: UserId, ended: Omit<End, 'ask'>): Promise<void>
}

export interface SendLedgerParts {
  readonly store: Pick<Store, 'db' | 'terms' | 'transaction'>
  readonly clock: Clock
  /** Rejects when this gateway may not run the user's worker, in the eyes of the transaction. */
  readonly verifyLease: (userId: UserId, transaction: Store['db']) => Promise<void>
}

/** More than Gmail lets anybody send in a day (support.google.com/a/answer/166852): a worker that goes on has fallen. */
const MOST_PER_USER = 5000

export function createSendLedger({ store, clock, verifyLease }: SendLedgerParts): SendLedger {
  const now = () => store.terms.now(clock.now())
  const within = (ms: number) => sql<number>`${now()} + ${ms}`

  /** A row whose time is over counts as none: when rows are removed matters to nobody. */
  const rowOf = (tx: Transaction<Schema>, userId: UserId, key: string) =>
    tx
      .selectFrom('sends')
      .select(['content', 'message_id', 'sent_id', 'thread_id'])
      .select(sql<number>`${now()} - begun_at`.as('age'))
      .where('user_id', '=', userId)
      .where('key', '=', key)
      .where('forget_at', '>', now())
      .executeTakeFirst()

  async function begin(
    tx: Transaction<Schema>,
    userId: UserId,
    { key, content, messageId, windowMs, doubtMs }: Omit<Begin, 'ask'>
  ): Promise<SendAnswer> {
    const row = await rowOf(tx, userId, key)
    if (row && row.content !== content) return { state: 'other' }
    const known = stateOf(row)
    if (known.state === 'sent') return known
    if (!row && (await isFull(tx, userId))) return { state: 'unavailable' }
    const times = {
      window_ms: windowMs,
      begun_at: now(),
      forget_at: within(Math.max(windowMs, doubtMs))
    }
    const fresh = { content, message_id: row?.message_id ?? messageId, ...times }
    await tx
      .insertInto('sends')
      .values({ user_id: userId, key, ...fresh })
      .onConflict((conflict) =>
        conflict
          .columns(['user_id', 'key'])
          .doUpdateSet({ ...fresh, sent_id: null, thread_id: null })
      )
      .execute()
    return known
  }

  async function end(
    tx: Transaction<Schema>,
    userId: UserId,
    { key, outcome }: Omit<End, 'ask'>
  ): Promise<void> {
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
    if (outcome.state === 'failed' || outcome.state === 'gone')
      await tx
        .deleteFrom('sends')
        .where('user_id', '=', userId)
        .where('key', '=', key)
        .$if(outcome.state === 'failed', (query) => query.where('sent_id', 'is', null))
        .execute()
  }

  async function isFull(tx: Transaction<Schema>, userId: UserId): Promise<boolean> {
    const { count } = await tx
      .selectFrom('sends')
      .select(({ fn }) => fn.countAll<number>().as('count'))
      .where('user_id', '=', userId)
      .where('forget_at', '>', now())
      .executeTakeFirstOrThrow()
    return Number(count) >= MOST_PER_USER
  }

  const under = <T>(userId: UserId, act: (tx: Transaction<Schema>) => Promise<T>): Promise<T> =>
    store.transaction(async (tx) => {
      await verifyLease(userId, tx)
      return act(tx)
    })

  return {
    begin: (userId, send) => under(userId, (tx) => begin(tx, userId, send)),
    look: (userId, { key }) => under(userId, async (tx) => stateOf(await rowOf(tx, userId, key))),
    end: (userId, ended) => under(userId, (tx) => end(tx, userId, ended))
  }
}

/** Removes what has been remembered for long enough; answers how many rows went. */
export async function forgetOldSends(
  { db, terms }: Pick<Store, 'db' | 'terms'>,
  clock: Clock
): Promise<number> {
  const { numDeletedRows } = await db
    .deleteFrom('sends')
    .where('forget_at', '<=', terms.now(clock.now()))
    .executeTakeFirstOrThrow()
  return Number(numDeletedRows)
}

interface Known {
  readonly message_id: string
  readonly sent_id: string | null
  readonly thread_id: string | null
  /** Ms. */
  readonly age: number
}

function stateOf(row: Known | undefined): SendAnswer {
  if (!row) return { state: 'new' }
  const { message_id: messageId, sent_id: id, thread_id } = row
  return id === null
    ? { state: 'doubtful', messageId, ageMs: Math.max(0, Number(row.age)) }
    : { state: 'sent', messageId, id, threadId: thread_id ?? '' }
}
