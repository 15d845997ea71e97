import t from 'tap'
import { leastRecentlyUsed, whyHibernate } from '../../../gateway/supervisor/idle-policy.ts'
import { judgeMemory } from '../../../gateway/supervisor/watchdog.ts'
import { asUserId, asWorkerId } from '../../../shared/ids.ts'
import { buildSupervisor } from '../../helpers/build-supervisor.ts'
import { settled } from '../../helpers/settled.ts'

const ann = asUserId('ann')
const bob = asUserId('bob')

t.test('only a worker without calls hibernates, for idleness or for age', async (t) => {
  const limits = { idleMs: 100, maxAgeMs: 1000 }
  const used = { inFlight: 0, lastUsedAt: 50, launchedSince: 0 }
  t.equal(whyHibernate(used, 149, limits), undefined)
  t.equal(whyHibernate(used, 150, limits), 'idle')
  t.equal(whyHibernate({ ...used, inFlight: 1 }, 5000, limits), undefined)
  t.equal(whyHibernate({ ...used, lastUsedAt: 999 }, 1000, limits), 'age')
  t.equal(whyHibernate({ ...used, lastUsedAt: 999 }, 1000, { idleMs: 100 }), undefined)
  const other = { inFlight: 0, lastUsedAt: 10, launchedSince: 0 }
  t.strictSame(leastRecentlyUsed([used, { ...used, inFlight: 2 }, other]), [other, used])
})

t.test('memory over the limit is replaced when idle, and killed when far over', async (t) => {
  const limits = { memoryBytes: 100 }
  t.equal(judgeMemory(100, 0, limits), 'keep')
  t.equal(judgeMemory(101, 0, limits), 'replace')
  t.equal(judgeMemory(101, 1, limits), 'keep')
  t.equal(judgeMemory(151, 1, limits), 'kill')
})

t.test('a worker hibernates after the idle time, and its user wakes another', async (t) => {
  const { supervisor, clock, ends, log } = buildSupervisor()
  const lease = await supervisor.acquire(ann)
  clock.advance(120_000)
  t.strictSame(ends, [], 'a worker with a call in flight is never idle')
  lease.release()
  clock.advance(55_000)
  await settled()
  t.strictSame(ends, [])
  clock.advance(5000)
  await settled()
  t.match(ends, [{ userId: 'ann', reason: 'idle', code: 0 }])
  t.equal(log.at(-1), 'ann: draining > cold')
  t.equal((await supervisor.acquire(ann)).worker.id, 'w-fake1')
})

t.test('a heartbeat tells how late a worker is, and /proc what it uses', async (t) => {
  const { supervisor, clock, use } = buildSupervisor()
  await supervisor.acquire(ann)
  use.set(4_000_000_000, { rssBytes: 123, cpuSeconds: 4 })
  clock.advance(5000)
  await settled()
  t.match(supervisor.list(), [{ rssBytes: 123, cpuSeconds: 4, eventLoopLagSeconds: 0.01 }])
})

t.test('a worker that misses two heartbeats is killed as hung', async (t) => {
  const { supervisor, clock, ends, launcher } = buildSupervisor({ answersPing: false })
  await supervisor.acquire(ann)
  clock.advance(5000)
  clock.advance(15_000)
  await settled()
  t.strictSame(ends, [], 'once may be the gateway’s own fault')
  clock.advance(15_000)
  await settled()
  t.strictSame(launcher.child(0).signals, ['SIGKILL'])
  t.match(ends, [{ reason: 'hung' }])
})

t.test('a worker with a call that does not read is found in five seconds', async (t) => {
  for (const thread of [() => ({ isAsleep: true, ranMs: 0 }), busy()]) {
    const { supervisor, clock, ends, threads } = buildSupervisor({ answersPing: false })
    await supervisor.acquire(ann)
    for (let ms = 0; ms < 2500; ms += 250) {
      threads.set(4_000_000_000, thread())
      t.strictSame(ends, [], `${ms} ms`)
      clock.advance(250)
      await settled()
    }
    t.match(ends, [{ reason: 'hung', signal: 'SIGKILL' }])
  }
})

/** A main thread that never pauses. */
function busy() {
  let ranMs = 0
  return () => {
    ranMs += 250
    return { isAsleep: false, ranMs }
  }
}

t.test('a worker that does not get the processor is waited for', async (t) => {
  const { supervisor, clock, ends, threads } = buildSupervisor({ answersPing: false })
  await supervisor.acquire(ann)
  threads.set(4_000_000_000, { isAsleep: false, ranMs: 7 })
  for (let minutes = 0; minutes < 150; minutes += 1) {
    clock.advance(60_000)
    await settled()
  }
  t.strictSame(ends, [], 'however long, since no clock but its own counts')
  threads.set(4_000_000_000, { isAsleep: true, ranMs: 7 })
  clock.advance(2500)
  await settled()
  t.match(ends, [{ reason: 'hung', signal: 'SIGKILL' }])
})

t.test('whoever was sent something is asked within a second, and then let sleep', async (t) => {
  const { supervisor, clock, launcher } = buildSupervisor()
  const pings = () => launcher.child(0).heard.filter(({ type }) => type === 'ping').length
  const lease = await supervisor.acquire(ann)
  clock.advance(500)
  await settled()
  t.equal(pings(), 1)
  clock.advance(500)
  await settled()
  t.equal(pings(), 2, 'as long as a call is in flight')
  lease.release()
  for (let quick = 0; quick < 5; quick += 1) {
    clock.advance(250)
    const { release } = await supervisor.acquire(ann)
    release()
    await settled()
  }
  t.equal(pings(), 2, 'not while calls are answered one after the other')
  clock.advance(2000)
  await settled()
  t.equal(pings(), 3, 'once after the last one')
  clock.advance(25_000)
  await settled()
  t.equal(pings(), 3)
})

t.test('a greedy worker is replaced, its calls finished if that can wait', async (t) => {
  const { supervisor, clock, ends, use, launcher } = buildSupervisor()
  const lease = await supervisor.acquire(ann)
  use.set(4_000_000_000, { rssBytes: 201, cpuSeconds: 0 })
  clock.advance(5000)
  await settled()
  t.strictSame(ends, [])
  lease.release()
  clock.advance(5000)
  await settled()
  t.match(ends, [{ reason: 'oom', code: 0 }])
  await supervisor.acquire(ann)
  use.set(4_000_000_001, { rssBytes: 301, cpuSeconds: 0 })
  clock.advance(5000)
  await settled()
  t.match(ends[1], { reason: 'oom', signal: 'SIGKILL' })
  t.equal(launcher.children.length, 2)
})

t.test('a heartbeat cut short by a crash is no second failure', async (t) => {
  const { supervisor, clock, ends, launcher } = buildSupervisor({ answersPing: false })
  await supervisor.acquire(ann)
  clock.advance(5000)
  launcher.child(0).dies({ code: 1 })
  await settled()
  t.match(ends, [{ reason: 'crash' }])
  t.match(supervisor.census().workers, { ready: 0, broken: 0, resting: 0 })
})

t.test('a warm worker is claimed once, and another one takes its place', async (t) => {
  const { supervisor, clock, log, launcher } = buildSupervisor({}, { warmWorkers: 2 })
  await settled()
  t.match(supervisor.list(), [
    { id: 'w-fake0', phase: 'warm', userId: null },
    { id: 'w-fake1', phase: 'warm', userId: null }
  ])
  t.strictSame(launcher.child(0).heard, [], 'it has no identity')
  const lease = await supervisor.acquire(ann)
  t.equal(lease.worker.id, 'w-fake0')
  t.match(log, ['ann: cold > starting', 'ann says assigned', 'warm ok 0'])
  t.equal(supervisor.census().workers.warm, 1)
  clock.advance(250)
  await settled()
  t.equal(supervisor.census().workers.warm, 2)
  lease.release()
  await supervisor.stop(ann, 'admin', 'now')
  t.equal(supervisor.census().workers.warm, 2, 'a used worker never comes back')
  t.notOk(launcher.alive.some(({ id }) => id === 'w-fake0'))
})

t.test('a warm worker in the middle of its start is claimed as well', async (t) => {
  const { supervisor, launcher } = buildSupervisor({ isPrompt: false }, { warmWorkers: 1 })
  const lease = supervisor.acquire(ann)
  await settled()
  launcher.child(0).isReady()
  await settled()
  launcher.child(0).says({ type: 'assigned' })
  t.equal((await lease).worker.id, 'w-fake0')
})

t.test('the warm pool leaves the last places to users', async (t) => {
  const options = { warmWorkers: 2, workerLimit: 2 }
  const { supervisor, clock, launcher } = buildSupervisor({}, options)
  await settled()
  await Promise.all([supervisor.acquire(ann), supervisor.acquire(bob)])
  clock.advance(5000)
  await settled()
  t.equal(launcher.alive.length, 2)
  t.equal(supervisor.census().workers.warm, 0)
})

t.test('a warm worker that dies or never starts is replaced on the next round', async (t) => {
  const { supervisor, clock, launcher } = buildSupervisor({}, { warmWorkers: 1 })
  await settled()
  launcher.manners = { isPrompt: false }
  launcher.child(0).dies()
  await settled()
  t.equal(supervisor.census().workers.warm, 0)
  clock.advance(5000)
  t.equal(supervisor.census().workers.warm, 1)
  clock.advance(1000)
  await settled()
  t.strictSame(launcher.child(1).signals, ['SIGKILL'])
  t.equal(supervisor.census().workers.warm, 0)
})

t.test('an operator ends one process by its id, and never a later one', async (t) => {
  const { supervisor, launcher } = buildSupervisor({}, { warmWorkers: 1 })
  await settled()
  t.equal(await supervisor.stopWorker(asWorkerId('w-fake0'), 'admin', 'drain'), true)
  t.equal(launcher.alive.length, 0)
  const first = await supervisor.acquire(ann)
  first.release()
  t.equal(await supervisor.stopWorker(asWorkerId('w-fake1'), 'admin', 'drain'), true)
  t.match(launcher.child(1).heard.at(-1), { type: 'drain' })
  await supervisor.acquire(ann)
  t.equal(await supervisor.stopWorker(asWorkerId('w-fake1'), 'admin', 'now'), false)
  t.ok(supervisor.peek(ann))
})

t.test('a drain ends the warm pool, and its timers', async (t) => {
  const { supervisor, clock, launcher } = buildSupervisor({}, { warmWorkers: 2 })
  await settled()
  const { release } = await supervisor.acquire(ann)
  release()
  await supervisor.close()
  clock.advance(60_000)
  await settled()
  t.equal(launcher.alive.length, 0)
  t.equal(launcher.children.length, 2)
})
