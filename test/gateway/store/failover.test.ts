import t, { type Test } from 'tap'
import { asUserId } from '#shared/ids.ts'
import { thisInstance } from '../../../gateway/ownership/gateway-instance.ts'
import { SqlOwnership } from '../../../gateway/ownership/sql-ownership.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'
import { type PostgresServer, startPostgres, withoutPostgres } from '../../helpers/postgres.ts'
import { openTestStore } from '../../helpers/store-engines.ts'
import { becomes } from '../../helpers/until.ts'

const ANN = asUserId('ann')
const never = new AbortController().signal
const skip = { skip: withoutPostgres }

/** A primary, a standby that each commit waits for, and a database on both. */
async function pair(t: Test) {
  const primary = await startPostgres(t)
  const url = new URL(await primary.newDatabase())
  const standby = await startPostgres(t, { primary })
  await primary.ask(`alter system set synchronous_standby_names = '*'`)
  await primary.ask('select pg_reload_conf()')
  const isFollowing = () =>
    primary.ask(`select 1 from pg_stat_replication where sync_state = 'sync'`)
  await becomes(isFollowing, (rows) => rows.length === 1)
  const at = (...servers: PostgresServer[]) =>
    `postgres://app@${servers.map(({ port }) => `127.0.0.1:${port}`).join(',')}${url.pathname}`
  return { primary, standby, at }
}

const ownershipOf = async (t: Test, url: string, host: string) => {
  const store = await openTestStore(t, url)
  const ownership = new SqlOwnership({
    store,
    clock: new FakeClock(1),
    node: thisInstance({ host, pid: 1, startOf: () => 's', randomHex: () => 'cafe' }),
    onLost: () => {},
    failed: () => {}
  })
  t.teardown(() => ownership.close())
  return { store, ownership }
}

t.test(
  'a standby that takes over is found, and gives numbers that were not used',
  skip,
  async (t) => {
    const { primary, standby, at } = await pair(t)
    const { store, ownership } = await ownershipOf(t, at(standby, primary), 'here')
    const before = await ownership.hold(ANN, never)
    await primary.kill()
    const asking = store.db.selectFrom('owners').select('user_id').execute()
    await standby.ask('select pg_promote()')
    t.same(await asking, [{ user_id: 'ann' }], 'who asked meanwhile has waited')
    // What an asynchronous standby may not have heard of.
    await store.db
      .updateTable('owners')
      .set({ epoch: before.epoch - 20, expires_at: 1 })
      .execute()
    const { ownership: other } = await ownershipOf(t, at(primary, standby), 'there')
    const after = await other.hold(ANN, never)
    t.equal(after.epoch, 2 * 2 ** 32, 'the timeline is 2')
    t.ok(after.epoch > before.epoch)
    t.equal(store.trouble(), undefined)
  }
)

t.test('a primary that was replaced without knowing it vouches for nobody', skip, async (t) => {
  const { primary, standby, at } = await pair(t)
  const { store, ownership } = await ownershipOf(t, at(primary), 'here')
  await ownership.hold(ANN, never)
  await ownership.verify(ANN, store.db)
  await standby.ask('select pg_promote()')
  // Both live now. A plain look at the row would say yes here, long after another gateway has taken it there.
  t.same(await store.db.selectFrom('owners').select('user_id').execute(), [{ user_id: 'ann' }])
  await t.rejects(ownership.verify(ANN, store.db), { code: 'ERR_STORE' })
  const writing = store.transaction(async (transaction) => {
    await ownership.verify(ANN, transaction)
    await transaction.deleteFrom('sessions').execute()
  })
  await t.rejects(writing, { code: 'ERR_STORE' })
  // Its transactions wait for a standby that never comes, so it is ended as it is.
  await primary.kill()
})

t.test('only a standby answers: that is told', skip, async (t) => {
  const { primary, standby, at } = await pair(t)
  await openTestStore(t, at(primary))
  await t.rejects(openTestStore(t, at(standby)), {
    code: 'ERR_UNAVAILABLE',
    message: /may only be read: it is a standby/
  })
})
