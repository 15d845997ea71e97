import { sql } from 'kysely'
import { systemClock } from '#shared/clock.ts'
import { LeaseRows } from '../../gateway/store/lease-rows.ts'
import { openStore, type Store } from '../../gateway/store/store.ts'
import { median, percentile } from '../bench/percentile.ts'

/** As gateways have them. */
const LEASE_MS = 12_000
/** Of the connections of one gateway's pool. */
const TOGETHER = 10

export interface LeaseCosts {
  readonly machines: number
  /** On each machine. */
  readonly people: number
  /** Milliseconds, p50 and p99: one statement that renews all leases of one machine, while nothing else runs. */
  readonly renewal: Span
  /** Seconds in which every machine renewed once, `TOGETHER` at a time. */
  readonly roundOfAll: number
  /** Bytes of the database's log that the renewal of one lease writes. */
  readonly logBytesPerRenewal: number
  /** Milliseconds: one person's lease taken from a machine that is gone, as a call of theirs does it. */
  readonly take: Span
  /** Seconds in which all people of one dead machine were taken over so, `TOGETHER` at a time. */
  readonly storm: number
  /** Milliseconds: a transaction that holds a lease, reads it and ends: what a token or a send costs. */
  readonly verify: Span
  /** Leases that each machine has at the end; the dead one has none. */
  readonly heldAtTheEnd: number
}

export interface Span {
  readonly p50: number
  readonly p99: number
}

/**
 * What leases of so many machines and people cost, by the gateway's own statements, in an empty database. It fills its
 * tables, and leaves them so.
 */
export async function measureLeases(
  url: string,
  machines: number,
  people: number,
  rounds: number
): Promise<LeaseCosts> {
  const store = await openStore(url, {}, { poolSize: TOGETHER })
  try {
    const rowsOf = (machine: number) =>
      new LeaseRows(store, systemClock, `machine${machine}`, LEASE_MS)
    const each = Array.from({ length: machines }, (_, machine) => rowsOf(machine))
    for (const [machine, rows] of each.entries()) await rows.take(named(machine, people), [])
    // The bench must not lose leases to its own length; the cost of a renewal does not depend on their end.
    const endless = () =>
      sql`update owners set expires_at = expires_at + 86400000`.execute(store.db)
    await endless()
    const [first] = each
    if (!first) throw new RangeError('There must be a machine.')
    const renewals: number[] = []
    for (let n = 0; n < rounds; n += 1) renewals.push(await timed(() => first.renew()))
    const before = await logPosition(store)
    const roundOfAll = await timed(() => inParallel(each, (rows) => rows.renew()))
    const written = (await logPosition(store)) - before
    await endless()
    const verifies: number[] = []
    for (let n = 0; n < rounds; n += 1) verifies.push(await timed(() => verifiedBy(store, first)))
    await sql`update owners set expires_at = 0 where node = 'machine0'`.execute(store.db)
    const takes: number[] = []
    const storm = await timed(() =>
      inParallel(named(0, people), async (user, n) => {
        const taker = each[1 + (n % (machines - 1))]
        takes.push(await timed(async () => taker?.take([user], ['machine0'])))
      })
    )
    const { count } = await store.db
      .selectFrom('owners')
      .select(({ fn }) => fn.countAll<number>().as('count'))
      .where('node', '!=', 'machine0')
      .executeTakeFirstOrThrow()
    return {
      machines,
      people,
      renewal: spanOf(renewals),
      roundOfAll: roundOfAll / 1000,
      logBytesPerRenewal: written / (machines * people),
      take: spanOf(takes),
      storm: storm / 1000,
      verify: spanOf(verifies),
      heldAtTheEnd: Number(count)
    }
  } finally {
    await store.close()
  }
}

const named = (machine: number, people: number): string[] =>
  Array.from({ length: people }, (_, n) => `${100_000_000 + machine * people + n}`)

const spanOf = (values: readonly number[]): Span => ({
  p50: median(values),
  p99: percentile(values, 0.99)
})

async function timed(work: () => Promise<unknown>): Promise<number> {
  const from = performance.now()
  await work()
  return performance.now() - from
}

/** As the vault does it before a token is given out. */
const verifiedBy = (store: Store, rows: LeaseRows): Promise<boolean> =>
  store.transaction((transaction) =>
    rows.holds({ user_id: named(0, 1)[0] ?? '', epoch: 1 }, transaction)
  )

async function inParallel<T>(
  all: readonly T[],
  work: (one: T, n: number) => Promise<unknown>
): Promise<void> {
  const left = all.entries()
  const worker = async (): Promise<void> => {
    for (const [n, one] of left) await work(one, n)
  }
  await Promise.all(Array.from({ length: TOGETHER }, worker))
}

async function logPosition(store: Store): Promise<number> {
  const { rows } = await sql<{ bytes: string }>`
    select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0') as bytes`.execute(store.db)
  return Number(rows[0]?.bytes)
}
