import { Client } from 'pg'
import t, { type Test } from 'tap'
import { asUserId } from '#shared/ids.ts'
import { thisInstance } from '../../../gateway/ownership/gateway-instance.ts'
import { SqlOwnership } from '../../../gateway/ownership/sql-ownership.ts'
import type { Store } from '../../../gateway/store/store.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'
import { type PostgresServer, startPostgres, withoutPostgres } from '../../helpers/postgres.ts'
import { openTestStore } from '../../helpers/store-engines.ts'
import { becomes } from '../../helpers/until.ts'

// Only a database that several machines share has these; each gateway here has a machine, and a clock, of its own.

const ANN = asUserId('ann')
const BEN = asUserId('ben')
const never = new AbortController().signal
/** A lease without the time that its holder leaves to others. */
const OWN_MS = 8000

const server: PostgresServer | undefined = withoutPostgres ? undefined : await startPostgres(t)

async function gateway(t: Test, url: string, host: string) {
  const store = await openTestStore(t, url)
  const clock = new FakeClock(host === 'ahead' ? 9e12 : 1)
  const lost: string[] = []
  const failures: unknown[] = []
  const ownership = new SqlOwnership({
    store,
    clock,
    node: thisInstance({ host, pid: 1, startOf: () => 's', randomHex: () => 'cafe' }),
    onLost: (userId) => void lost.push(userId),
    failed: (error) => failures.push(error)
  })
  t.teardown(() => ownership.close())
  return { store, clock, ownership, lost, failures }
}

/** Another program that keeps rows of `owners` locked until it is closed. */
async function locks(t: Test, url: string, how: string): Promise<() => Promise<void>> {
  const client = new Client(url)
  await client.connect()
  t.teardown(() => client.end().catch(() => {}))
  await client.query('begin')
  await client.query(`select * from owners ${how}`)
  return () => client.end()
}

const endOf = async ({ db }: Store, userId: string): Promise<number> =>
  (
    await db
      .selectFrom('owners')
      .selectAll()
      .where('user_id', '=', userId)
      .executeTakeFirstOrThrow()
  ).expires_at

const newUrl = async () => (await server?.newDatabase()) ?? ''
const skip = { skip: withoutPostgres }

t.test('no machine’s clock decides about another’s lease', skip, async (t) => {
  const url = await newUrl()
  const [first, ahead] = [await gateway(t, url, 'first'), await gateway(t, url, 'ahead')]
  await first.ownership.hold(ANN, never)
  const waiting = ahead.ownership.hold(ANN, AbortSignal.timeout(300))
  await t.rejects(waiting, /timeout/, 'it is 285 years later there')
  await first.ownership.verify(ANN, first.store.db)
})

t.test('a holder that cannot renew lets go before others may take it', skip, async (t) => {
  const url = await newUrl()
  const { store, clock, ownership, lost } = await gateway(t, url, 'first')
  await ownership.hold(ANN, never)
  t.equal(ownership.leftMs(ANN), OWN_MS)
  const unlock = await locks(t, url, 'for update')
  clock.advance(OWN_MS - 1000)
  t.same(lost, [])
  t.equal(ownership.leftMs(ANN), 1000)
  clock.advance(1000)
  t.same(lost, ['ann'])
  t.equal(ownership.leftMs(ANN), 0)
  await t.rejects(ownership.verify(ANN, store.db), { code: 'ERR_LEASE_LOST' })
  t.ok((await endOf(store, 'ann')) > Date.now(), 'for all others it lasts')
  await unlock()
})

t.test('a process that was stopped is deposed before its timers run', skip, async (t) => {
  const { store, clock, ownership } = await gateway(t, await newUrl(), 'first')
  await ownership.hold(ANN, never)
  clock.monotonic = () => OWN_MS + 2 // later, and no timer has been called
  t.equal(ownership.leftMs(ANN), 0)
  await t.rejects(ownership.verify(ANN, store.db), { code: 'ERR_LEASE_LOST' })
})

t.test('one slow transaction holds up the renewal of nobody else', skip, async (t) => {
  const url = await newUrl()
  const { store, clock, ownership, lost } = await gateway(t, url, 'first')
  await Promise.all([ownership.hold(ANN, never), ownership.hold(BEN, never)])
  await store.db
    .updateTable('owners')
    .set(({ eb }) => ({ expires_at: eb('expires_at', '-', 5000) }))
    .execute()
  const unlock = await locks(t, url, `where user_id = 'ann' for share`)
  const [before, annBefore] = [await endOf(store, 'ben'), await endOf(store, 'ann')]
  clock.advance(3000)
  t.ok(
    (await becomes(
      () => endOf(store, 'ben'),
      (end) => end > before
    )) > before
  )
  t.equal(await endOf(store, 'ann'), annBefore, 'it comes next time')
  await unlock()
  clock.advance(3000)
  t.ok(
    (await becomes(
      () => endOf(store, 'ann'),
      (end) => end > annBefore
    )) > annBefore
  )
  t.same(lost, [])
})

t.test('what is written under a lease is there before another has it', skip, async (t) => {
  const url = await newUrl()
  const [first, second] = [await gateway(t, url, 'first'), await gateway(t, url, 'second')]
  const { epoch } = await first.ownership.hold(ANN, never)
  const done: string[] = []
  const soon = Date.now() + 300
  await first.store.db.updateTable('owners').set({ expires_at: soon }).execute()
  const taken = first.store.transaction(async (transaction) => {
    await first.ownership.verify(ANN, transaction)
    const taking = becomes(
      async () => Date.now(),
      (now) => now > soon + 50
    ).then(async () => {
      const lease = await second.ownership.hold(ANN, never)
      done.push('taken')
      return lease
    })
    await becomes(
      async () => Date.now(),
      (now) => now > soon + 300
    )
    done.push('written')
    return { taking }
  })
  t.equal((await (await taken).taking).epoch, epoch + 1)
  t.same(done, ['written', 'taken'])
  await t.rejects(first.ownership.verify(ANN, first.store.db), { code: 'ERR_LEASE_LOST' })
})
