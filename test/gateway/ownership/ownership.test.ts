import type { Test } from 'tap'
import { asSessionId, asUserId, asWorkerId } from '#shared/ids.ts'
import { createAccounts } from '../../../gateway/accounts/accounts.ts'
import { createGoogleGrants } from '../../../gateway/accounts/google-grants.ts'
import { createKeyring } from '../../../gateway/accounts/keyring.ts'
import { createVault } from '../../../gateway/accounts/vault.ts'
import { type GatewayInstance, thisInstance } from '../../../gateway/ownership/gateway-instance.ts'
import { PortHandover } from '../../../gateway/ownership/port-handover.ts'
import { SqlOwnership } from '../../../gateway/ownership/sql-ownership.ts'
import { SessionRegistry } from '../../../gateway/sessions/registry.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'
import { settled } from '../../helpers/settled.ts'
import { ALSO_POOLED, newStore, onEach } from '../../helpers/store-engines.ts'

const ANN = asUserId('ann')
const BEN = asUserId('ben')
const never = new AbortController().signal

/** Gateways over one store, with one clock; who is in `alive` runs, as far as this machine can see. */
async function lab(t: Test) {
  const store = await newStore(t, 1) // one connection: statements are done in the order in which they are sent
  const clock = new FakeClock(1_000_000)
  const alive = new Set([1, 2, 3])
  const lost: string[] = []
  const node = (pid: number, host = 'here'): GatewayInstance =>
    thisInstance({
      host,
      pid,
      startOf: (one) => (alive.has(one) ? `s${one}` : undefined),
      randomHex: () => 'cafe'
    })
  const failed = (error: unknown): void => void t.fail(String(error))
  const ownership = (pid: number, host?: string) => {
    const one = new SqlOwnership({
      store,
      clock,
      node: node(pid, host),
      onLost: (userId) => void lost.push(`${pid}: ${userId}`),
      failed
    })
    t.teardown(() => one.close())
    return one
  }
  const succession = (pid: number, port = 80, host?: string) => {
    const one = new PortHandover({ store, clock, node: node(pid, host), port, opsPort: 0, failed })
    t.teardown(() => one.close())
    return one
  }
  const isShared = store.terms.engine === 'postgres'
  /** Until what was begun has been done: so many statements one after the other. */
  const settle = async (): Promise<void> => {
    if (!isShared) return settled()
    for (let n = 0; n < 8; n += 1) await store.db.selectFrom('nodes').select('id').execute()
  }
  /** Where the database's own clock decides, its rows grow older instead. */
  const age = async (ms: number): Promise<void> => {
    if (!isShared) return
    for (const table of ['owners', 'nodes'] as const)
      await store.db
        .updateTable(table)
        .set(({ eb }) => ({ expires_at: eb('expires_at', '-', ms) }))
        .where('expires_at', '>', 0)
        .execute()
  }
  /** Moves time in small steps, so that what was woken can run. */
  const pass = async (ms: number): Promise<void> => {
    for (let gone = 0; gone < ms; gone += 500) {
      const step = Math.min(500, ms - gone)
      await age(step)
      clock.advance(step)
      await settle()
    }
  }
  return { store, clock, alive, lost, ownership, succession, pass, age, settle }
}

onEach(
  'a lease goes to one at a time, each with a higher epoch',
  async (t) => {
    const { store, ownership, pass } = await lab(t)
    const [first, second] = [ownership(1), ownership(2)]
    const [ann, ben] = await Promise.all([first.hold(ANN, never), first.hold(BEN, never)])
    t.equal(ann.epoch, ben.epoch, 'both are new')
    let isHeld = false
    const next = second.hold(ANN, never).then((lease) => {
      isHeld = true
      return lease
    })
    await pass(10_000)
    t.notOk(isHeld, 'it waits while the first one lives')
    ann.release()
    ann.release()
    await pass(500)
    t.equal((await next).epoch, ann.epoch + 1)
    await t.rejects(first.verify(ANN, store.db), { code: 'ERR_LEASE_LOST' })
  },
  ALSO_POOLED
)

onEach('who waits for too long, or leaves, does not get it', async (t) => {
  const { store, ownership, pass } = await lab(t)
  const [first, second] = [ownership(1), ownership(2)]
  const lease = await first.hold(ANN, never)
  const waiting = t.rejects(second.hold(ANN, never), { code: 'ERR_LEASE_HELD', statusCode: 503 })
  await pass(20_500)
  await waiting
  const left = new AbortController()
  const leaving = t.rejects(second.hold(ANN, left.signal), /nobody is there/)
  left.abort(new Error('nobody is there'))
  await leaving
  lease.release()
  await pass(500)
  const row = await store.db.selectFrom('owners').selectAll().executeTakeFirstOrThrow()
  t.equal(row.expires_at, 0, 'nobody holds it')
})

onEach(
  'a dead gateway of this machine is followed at once, another one after its time',
  async (t) => {
    const { ownership, alive, pass, lost, store } = await lab(t)
    const [first, second, far] = [ownership(1), ownership(2), ownership(3, 'there')]
    const { epoch } = await first.hold(ANN, never)
    alive.delete(1)
    t.equal((await second.hold(ANN, never)).epoch, epoch + 1)
    await pass(3500)
    t.same(lost, ['1: ann'], 'the first one, if it was only asleep, learns of it')
    await t.rejects(first.verify(ANN, store.db), { code: 'ERR_LEASE_LOST' })
    await t.resolves(second.verify(ANN, store.db))

    await far.hold(BEN, never)
    await far.close()
    const again = ownership(3, 'there')
    await again.hold(BEN, never)
    await store.db.updateTable('owners').set({ expires_at: 1 }).where('user_id', '=', BEN).execute()
    t.equal((await second.hold(BEN, never)).epoch, epoch + 2, 'its lease had expired')
  }
)

onEach(
  'what a deposed gateway writes is not written',
  async (t) => {
    const { ownership, alive, store } = await lab(t)
    const [first, second] = [ownership(1), ownership(2)]
    await first.hold(ANN, never)
    const write = (by: SqlOwnership, handle: string) =>
      store.db.transaction().execute(async (tx) => {
        await by.verify(ANN, tx)
        const row = {
          at: 1,
          actor: 'a',
          action: 'b',
          target: handle,
          reason: null,
          request_id: null
        }
        await tx.insertInto('audit').values(row).execute()
      })
    await write(first, 'before')
    alive.delete(1)
    await second.hold(ANN, never)
    await t.rejects(write(first, 'deposed'), { code: 'ERR_LEASE_LOST' })
    await write(second, 'after')
    const rows = await store.db.selectFrom('audit').select('target').execute()
    t.same(rows, [{ target: 'before' }, { target: 'after' }])
  },
  ALSO_POOLED
)

onEach('gateways get the ports one after the other', async (t) => {
  const { succession, pass } = await lab(t)
  const turns: string[] = []
  const take = async (pid: number, one: PortHandover): Promise<void> => {
    const turn = await one.turn(() => turns.push(`${pid} waits`))
    turns.push(`${pid} ${turn}`)
    await one.serving()
  }
  const [first, second, third] = [succession(1), succession(2), succession(3)]
  await take(1, first)
  const others = Promise.all([take(2, second), take(3, third)])
  await pass(1000)
  t.same(turns, ['1 alone', '2 waits', '3 waits'])
  const leaving = first.leave()
  await pass(1000)
  t.equal(await leaving, true, 'the next one listens')
  t.same(turns.slice(3), ['2 beside'])
  await first.close()
  const ended = second.leave()
  await pass(1000)
  t.equal(await ended, true)
  await others
  t.same(turns.slice(4), ['3 beside'])
  await second.close()
  t.equal(await third.leave(), false, 'nobody comes after the last one')
})

// One that is not in `nodes` is reached by nobody: whom it serves would be refused everywhere else. Seen when a gateway was
// stopped for longer than 15 s while another one started.
onEach('a gateway that was taken for dead is known again once it goes on', async (t) => {
  const { store, succession, pass } = await lab(t)
  const [first, other] = [succession(1), succession(2, 80, 'there')]
  await first.turn(() => {})
  await first.serving()
  const rows = () =>
    store.db.selectFrom('nodes').select(['host', 'state']).orderBy('host').execute()
  await store.db.updateTable('nodes').set({ expires_at: 1 }).execute()
  await other.turn(() => {})
  t.same(await rows(), [{ host: 'there', state: 'waiting' }], 'the next one has removed its row')
  await pass(5000)
  t.same(await rows(), [
    { host: 'here', state: 'serving' },
    { host: 'there', state: 'waiting' }
  ])
  await first.close()
  await pass(5000)
  t.same(await rows(), [{ host: 'there', state: 'waiting' }], 'at its end it is gone for good')
})

onEach('only living gateways of this machine with the same port are ahead', async (t) => {
  const { succession, alive } = await lab(t)
  const [dead, elsewhere, otherPort] = [
    succession(1),
    succession(2, 80, 'there'),
    succession(3, 81)
  ]
  for (const one of [dead, elsewhere, otherPort]) {
    t.equal(await one.turn(() => t.fail('must not wait')), 'alone')
    await one.serving()
    alive.delete(1)
  }
  alive.add(4)
  const late = succession(4)
  t.equal(await late.turn(() => t.fail('must not wait')), 'alone')
})

onEach('a gateway that is closed while it waits is not served', async (t) => {
  const { store, succession, pass } = await lab(t)
  const [first, second] = [succession(1), succession(2)]
  await first.turn(() => {})
  await first.serving()
  const turn = second.turn(() => {})
  await store.db.updateTable('nodes').set({ expires_at: 1 }).execute()
  await pass(1000)
  await second.close()
  await pass(500)
  t.equal(await turn, 'closed', 'for a process that is only held up still has its ports')
})

onEach('a session that one gateway ended is not served by another that remembers it', async (t) => {
  const { store, clock, ownership } = await lab(t)
  const ended: string[] = []
  const registry = (by: SqlOwnership) => {
    const one = new SessionRegistry({
      store,
      clock,
      rules: { ttlMs: 3_600_000, perUser: 8 },
      verifyLease: (userId, tx) => by.verify(userId, tx),
      events: {
        started: () => {},
        sweepFailed: (error) => void t.fail(String(error)),
        ended: (_session, reason) => void ended.push(reason)
      }
    })
    t.teardown(() => one.close())
    return one
  }
  const [first, second] = [ownership(1), ownership(2)]
  const [before, after] = [registry(first), registry(second)]
  const id = asSessionId('a-session')
  const opened = {
    id,
    userId: ANN,
    clientId: 'client',
    initialize: {
      protocolVersion: '2025-11-25',
      capabilities: {},
      clientInfo: { name: 'test', version: '1' }
    },
    workerId: asWorkerId('w-1')
  }
  await t.rejects(before.open(opened), { code: 'ERR_LEASE_LOST' }, 'no lease, no session')
  t.equal(await after.find(id, ANN), undefined)
  const lease = await first.hold(ANN, never)
  await before.open(opened)
  t.ok(await after.find(id, ANN))
  lease.release()
  await second.hold(ANN, never)
  await after.endById(id, ANN, 'client')
  t.equal(await before.find(id, ANN), undefined)
  t.same(ended, ['client', 'elsewhere'])
})

onEach('a new person, and one who was erased, gets a number that was not used', async (t) => {
  const { store, ownership, pass } = await lab(t)
  const accounts = createAccounts({
    store,
    clock: new FakeClock(1),
    google: { revoke: async () => {} },
    grants: createGoogleGrants({
      store,
      clock: new FakeClock(1),
      vault: createVault(createKeyring())
    })
  })
  const one = ownership(1)
  const used: number[] = []
  for (let n = 0; n < 3; n += 1) {
    const lease = await one.hold(ANN, never)
    used.push(lease.epoch)
    lease.release()
    await pass(1) // the next one is not asked for while this one's statements run
  }
  await accounts.erase(ANN)
  t.same(await store.db.selectFrom('owners').selectAll().execute(), [], 'nothing names the person')
  const [later, ben] = await Promise.all([one.hold(ANN, never), one.hold(BEN, never)])
  t.ok(
    used.every((epoch) => epoch < later.epoch && epoch < ben.epoch),
    { used, later, ben }
  )
})

onEach(
  'what is given back in one breath is one statement, and leaves other leases alone',
  async (t) => {
    const { store, ownership } = await lab(t)
    const [one, other] = [ownership(1), ownership(2)]
    const people = Array.from({ length: 200 }, (_, n) => asUserId(`user ${n} of '"{}`))
    const leases = await Promise.all(people.map((userId) => one.hold(userId, never)))
    const kept = await other.hold(ANN, never)
    for (const lease of leases) lease.release()
    await one.close()
    const rows = await store.db
      .selectFrom('owners')
      .selectAll()
      .where('expires_at', '>', 0)
      .execute()
    t.match(rows, [{ user_id: ANN, epoch: kept.epoch }])
    t.equal((await store.db.selectFrom('owners').selectAll().execute()).length, 201)
  }
)
