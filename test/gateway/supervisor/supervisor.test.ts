import t from 'tap'
import { decide } from '../../../gateway/supervisor/admission.ts'
import { machineMonotonic } from '../../../shared/clock.ts'
import { asUserId } from '../../../shared/ids.ts'
import { buildSupervisor as build } from '../../helpers/build-supervisor.ts'
import { settled } from '../../helpers/settled.ts'

const ann = asUserId('ann')
const bob = asUserId('bob')
const cem = asUserId('cem')

t.test('a hundred calls that come together share one start', async (t) => {
  const { supervisor, launcher, log } = build()
  const leases = await Promise.all(Array.from({ length: 100 }, () => supervisor.acquire(ann)))
  t.equal(launcher.children.length, 1)
  t.equal(new Set(leases.map(({ worker }) => worker)).size, 1)
  t.match(leases[0]?.worker, { userId: 'ann', id: 'w-fake0' })
  t.strictSame(launcher.child(0).heard, [
    { type: 'assign', email: 'ann@example.com', googleScopes: ['gmail'] }
  ])
  t.strictSame(log, [
    'ann: cold > starting',
    'ann says assigned',
    'cold ok 0',
    'ann: assigned',
    'ann: starting > ready'
  ])
  t.match(supervisor.list(), [
    { id: 'w-fake0', userId: 'ann', phase: 'ready', inFlight: 100, requests: 100, version: 'fake' }
  ])
  for (const lease of leases) {
    lease.release()
    lease.release()
  }
  t.match(supervisor.list(), [{ inFlight: 0 }])
  t.equal(supervisor.peek(ann), leases[0]?.worker)
  t.equal(supervisor.peek(bob), undefined)
})

t.test('two users never share a worker', async (t) => {
  const { supervisor } = build()
  const [a, b] = await Promise.all([supervisor.acquire(ann), supervisor.acquire(bob)])
  t.not(a.worker.id, b.worker.id)
  t.not(a.worker.id, b.worker.id)
})

t.test('what a worker says reaches the observers with its user', async (t) => {
  const { supervisor, launcher, log } = build()
  await supervisor.acquire(ann)
  launcher.child(0).says({ type: 'token', id: 1, force: false })
  t.equal(log.at(-1), 'ann says token')
})

t.test(
  'want of room is no failure of the worker: its callers are told, and the next is served',
  async (t) => {
    const { supervisor, launcher } = build()
    launcher.hasRoom = false
    for (let tries = 0; tries < 10; tries += 1)
      await t.rejects(supervisor.acquire(ann), { code: 'ERR_WORKER_CAPACITY', retryAfter: 1 })
    t.same(supervisor.list(), [])
    launcher.hasRoom = true
    const { worker } = await supervisor.acquire(ann)
    t.equal(worker.userId, ann, 'nobody has to wait for a rest')
  }
)

t.test('a worker that is not ready in time is killed, and its callers are told', async (t) => {
  const { supervisor, launcher, clock, ends } = build({ isPrompt: false })
  const lease = supervisor.acquire(ann)
  lease.catch(() => {})
  await settled()
  clock.advance(1000)
  await t.rejects(lease, { code: 'ERR_WORKER_START', retryAfter: 1 })
  t.strictSame(launcher.child(0).signals, ['SIGKILL'])
  await settled()
  t.match(ends, [{ reason: 'spawn_failed', signal: 'SIGKILL', lifetimeSeconds: 1 }])
})

t.test('a call outlives a start that fails, for the next start is tried at once', async (t) => {
  const { supervisor, launcher } = build({ isPrompt: false })
  const lease = supervisor.acquire(ann)
  await settled()
  launcher.manners = {}
  launcher.child(0).dies({ code: 1 })
  t.equal((await lease).worker.id, 'w-fake1')
})

t.test('a worker that fails five times is refused until the quarantine ends', async (t) => {
  const { supervisor, launcher, clock, ends } = build({ isPrompt: false })
  const lease = supervisor.acquire(ann)
  lease.catch(() => {})
  for (let n = 0; n < 5; n++) {
    await settled()
    launcher.child(n).dies({ code: 1 })
    await settled()
    clock.advance(800)
  }
  await t.rejects(lease, { code: 'ERR_WORKER_BROKEN', statusCode: 503, retryAfter: 60 })
  await t.rejects(supervisor.acquire(ann), { code: 'ERR_WORKER_BROKEN' })
  t.equal(ends.length, 5)
  t.equal(supervisor.census().workers.broken, 1)
  launcher.manners = {}
  clock.advance(60_000)
  t.ok(await supervisor.acquire(ann))
})

t.test('a crash settles `gone`, and the next call gets a new worker at once', async (t) => {
  const { supervisor, launcher, clock } = build()
  const first = await supervisor.acquire(ann)
  clock.advance(2000)
  launcher.child(0).dies({ code: 7 })
  t.strictSame(await first.worker.gone, {
    workerId: 'w-fake0',
    userId: 'ann',
    reason: 'crash',
    code: 7,
    signal: null,
    lifetimeSeconds: 2,
    cpuSeconds: 0,
    offence: undefined
  })
  const second = await supervisor.acquire(ann)
  t.equal(second.worker.id, 'w-fake1')
  first.release()
  t.match(supervisor.list(), [{ inFlight: 1 }], 'an old lease says nothing about the new worker')
})

t.test('an out-of-memory crash is told apart', async (t) => {
  const { supervisor, launcher } = build()
  const { worker } = await supervisor.acquire(ann)
  launcher.child(0).dies({ signal: 'SIGABRT', isOutOfMemory: true })
  t.match(await worker.gone, { reason: 'oom' })
})

t.test('a stop climbs the ladder until the process is gone', async (t) => {
  const { supervisor, launcher, clock } = build({ endsOn: 'SIGKILL' })
  const { worker, release } = await supervisor.acquire(ann)
  const stopped = supervisor.stop(ann, 'admin', 'drain')
  t.equal(launcher.child(0).heard.at(-1)?.type, 'assign', 'a call may still be on its way')
  release()
  t.equal(launcher.child(0).heard.at(-1)?.type, 'drain')
  t.equal(supervisor.peek(ann), undefined)
  clock.advance(800)
  t.strictSame(launcher.child(0).signals, ['SIGTERM'])
  clock.advance(100)
  t.strictSame(launcher.child(0).signals, ['SIGTERM', 'SIGKILL'])
  await stopped
  t.match(await worker.gone, { reason: 'admin', signal: 'SIGKILL' })
})

t.test('the first reason of an end stays, and `now` hastens a drain', async (t) => {
  const { supervisor, launcher } = build({ endsOn: 'SIGKILL' })
  const { worker } = await supervisor.acquire(ann)
  const drained = supervisor.stop(ann, 'idle', 'drain')
  await Promise.all([supervisor.stop(ann, 'admin', 'now'), drained])
  t.strictSame(launcher.child(0).signals, ['SIGKILL'])
  t.match(await worker.gone, { reason: 'idle' })
  await supervisor.stop(ann, 'admin', 'now')
})

t.test('a call during a drain waits for the next worker', async (t) => {
  const { supervisor, launcher } = build({ endsOn: 'SIGKILL' })
  await supervisor.acquire(ann)
  void supervisor.stop(ann, 'upgrade', 'drain')
  const lease = supervisor.acquire(ann)
  launcher.child(0).dies({ code: 0 })
  t.equal((await lease).worker.id, 'w-fake1')
})

t.test('a stop during the start rejects who waits', async (t) => {
  const { supervisor } = build({ isPrompt: false })
  const lease = supervisor.acquire(ann)
  lease.catch(() => {})
  await settled()
  await supervisor.stop(ann, 'blocked', 'now')
  await t.rejects(lease, { code: 'ERR_WORKER_STOPPING' })
  t.strictSame(supervisor.list(), [])
})

t.test('an account that may not have a worker costs no process', async (t) => {
  const { supervisor, launcher } = build()
  await t.rejects(supervisor.acquire(asUserId('blocked')), { code: 'ERR_ACCOUNT_BLOCKED' })
  t.equal(launcher.children.length, 0)
})

t.test('a caller may leave, and nothing is started for nobody', async (t) => {
  const { supervisor, launcher } = build({}, { workerLimit: 1 })
  await supervisor.acquire(ann)
  const leaving = new AbortController()
  const lease = supervisor.acquire(bob, leaving.signal)
  lease.catch(() => {})
  await settled()
  t.equal(supervisor.census().queued, 1)
  leaving.abort(new Error('closed the laptop'))
  await t.rejects(lease, { message: 'closed the laptop' })
  await settled()
  t.equal(supervisor.census().queued, 0)
  t.equal(launcher.children.length, 1)
  await t.rejects(supervisor.acquire(bob, AbortSignal.abort(new Error('gone'))), {
    message: 'gone'
  })
})

t.test('a user enters, waits or is refused by what is held, starting and waiting', async (t) => {
  const limits = { places: 3, starts: 2, queue: 1, waitMs: 1 }
  t.equal(decide({ held: 2, starting: 1, waiting: 0 }, limits), 'enter')
  t.equal(decide({ held: 3, starting: 0, waiting: 0 }, limits), 'wait')
  t.equal(decide({ held: 2, starting: 2, waiting: 0 }, limits), 'wait')
  t.equal(decide({ held: 0, starting: 0, waiting: 1 }, limits), 'refuse', 'nobody is overtaken')
})

t.test('at the limit the worker that was idle longest makes room', async (t) => {
  const { supervisor, launcher, clock, ends } = build({}, { workerLimit: 2 })
  const a = await supervisor.acquire(ann)
  clock.advance(10)
  const b = await supervisor.acquire(bob)
  b.release()
  clock.advance(10)
  a.release()
  await supervisor.acquire(cem)
  t.match(ends, [{ userId: 'bob', reason: 'evicted' }])
  t.equal(launcher.alive.length, 2)
})

t.test('at the limit with everybody busy, calls wait, and then are refused', async (t) => {
  const { supervisor, clock } = build({}, { workerLimit: 1 })
  const a = await supervisor.acquire(ann)
  const b = supervisor.acquire(bob)
  b.catch(() => {})
  const c = supervisor.acquire(cem)
  await settled()
  await t.rejects(supervisor.acquire(asUserId('dan')), { code: 'ERR_QUEUE_FULL', retryAfter: 3 })
  clock.advance(499)
  a.release()
  t.equal((await b).worker.userId, 'bob', 'who came first goes first')
  c.catch(() => {})
  clock.advance(1)
  await t.rejects(c, { code: 'ERR_WORKER_CAPACITY', statusCode: 503 })
})

t.test('only so many workers start at once', async (t) => {
  const { supervisor, launcher } = build({ isPrompt: false }, { concurrentStarts: 1 })
  void supervisor.acquire(ann)
  const b = supervisor.acquire(bob)
  await settled()
  t.equal(launcher.children.length, 1)
  launcher.manners = {}
  launcher.child(0).isReady()
  await settled()
  launcher.child(0).says({ type: 'assigned' })
  t.equal((await b).worker.userId, 'bob')
})

t.test('a probe proves that workers start, beyond the limit', async (t) => {
  const { supervisor, launcher } = build({}, { workerLimit: 1 })
  await supervisor.acquire(ann)
  await supervisor.probe()
  t.equal(launcher.children.length, 2)
  t.equal(launcher.alive.length, 1)
  launcher.manners = { isPrompt: false }
  const probe = supervisor.probe()
  launcher.child(2).dies()
  await t.rejects(probe, { code: 'ERR_WORKER_START' })
})

t.test('a drain refuses new calls, finishes the others and ends every worker', async (t) => {
  const { supervisor, launcher, ends } = build({ endsOn: 'SIGTERM' })
  await supervisor.acquire(ann)
  launcher.manners = { isPrompt: false }
  const waiting = supervisor.acquire(bob)
  waiting.catch(() => {})
  await settled()
  const drained = supervisor.drain()
  await t.rejects(waiting, { code: 'ERR_DRAINING' })
  await t.rejects(supervisor.acquire(ann), { code: 'ERR_DRAINING' })
  launcher.child(0).dies({ code: 0 })
  await drained
  await Promise.all([supervisor.close(), supervisor.close()])
  t.strictSame(ends.map(({ reason }) => reason).sort(), ['drain', 'drain'])
  t.ok(launcher.isClosed)
})

t.test('a worker whose lease is over serves nobody, and knows until when it may', async (t) => {
  let left = 9000
  const { supervisor, launcher, clock, ends } = build({}, { idleMs: 3_600_000 }, () => left)
  const before = machineMonotonic()
  const lease = await supervisor.acquire(ann)
  const told = () =>
    launcher.child(0).heard.flatMap((one) => ('until' in one && one.until ? [one.until] : []))
  const toldIn = (n: number) => told()[n]
  const assigned = toldIn(0) ?? 0
  t.ok(assigned >= before + 9000 && assigned <= machineMonotonic() + 9000)
  left = 20_000
  clock.advance(5000)
  const last = () => toldIn(told().length - 1) ?? 0
  t.ok(last() > assigned + 10_000, 'each round tells it again')
  lease.release()
  clock.advance(5 * 60_000)
  const heard = told().length
  clock.advance(10 * 60_000)
  t.equal(told().length, heard, 'one that sleeps is let sleep')
  left = 30_000
  const woken = await supervisor.acquire(ann)
  t.ok(last() > assigned + 20_000, 'and told when it is wanted')
  woken.release()
  left = 0
  const again = supervisor.acquire(ann)
  await settled()
  t.match(ends, [{ reason: 'lease_lost', signal: 'SIGKILL' }])
  left = 9000
  t.not((await again).worker.id, lease.worker.id)
})

t.test('what a worker writes to Gmail goes out as long as its user is held here', async (t) => {
  let left = 1000
  const { supervisor, launcher } = build({}, {}, () => left)
  await supervisor.acquire(ann)
  const worker = launcher.child(0)
  t.equal(worker.mayPass(), true)
  left = 0
  t.equal(worker.mayPass(), false, 'also before anybody has ended it')
})
