import t, { type Test } from 'tap'
import { confine } from '../../../gateway/launcher/confinement.ts'
import { mainThread, processStart, processUse } from '../../../gateway/launcher/procfs.ts'
import type { WorkerEnd } from '../../../gateway/supervisor/supervisor.ts'
import { supervisorSettings } from '../../../gateway/supervisor/supervisor-settings.ts'
import { createSupervisor } from '../../../gateway/supervisor/worker-supervisor.ts'
import { systemClock } from '../../../shared/clock.ts'
import { asUserId } from '../../../shared/ids.ts'
import { launcherOf, PLAIN } from '../../helpers/launch-fixture.ts'

const ann = asUserId('ann')
const well = asUserId('well')
const linuxOnly = { skip: process.platform === 'linux' ? false : 'needs /proc and prlimit' }

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** A supervisor over real processes of one fixture. */
function build(t: Test, fixture: string, warmWorkers = 0) {
  // Timers of the system clock do not keep the test alive.
  const keepAlive = setInterval(() => {}, 1000)
  const ends: WorkerEnd[] = []
  const settings = supervisorSettings({
    workerLimit: 20,
    concurrentStarts: 4,
    queueLimit: 100,
    queueWaitMs: 10_000,
    startMs: 10_000,
    drainMs: 600,
    idleMs: 60_000,
    memoryBytes: 200 * 2 ** 20,
    warmWorkers
  })
  const supervisor = createSupervisor({
    clock: systemClock,
    launcher: launcherOf(t, fixture, {
      confinement: confine({
        ...PLAIN,
        env: '/usr/bin/env', // without what tap adds, which a small heap cannot hold
        nodeLimits: { readable: ['/'], heapMebibytes: 32 }
      })
    }),
    settings: { ...settings, roundMs: 50, watchdog: { ...settings.watchdog, heartbeatMs: 1000 } },
    random: Math.random,
    hold: async () => ({ release() {} }),
    processUse,
    mainThread,
    assignment: async (userId) => ({ email: `${userId}@example.com`, googleScopes: [] }),
    events: { onExit: (end) => void ends.push(end) }
  })
  t.teardown(async () => {
    await supervisor.close()
    clearInterval(keepAlive)
  })
  return { supervisor, ends }
}

t.test('a hundred calls of one user start one process', async (t) => {
  const { supervisor } = build(t, 'good')
  const leases = await Promise.all(Array.from({ length: 100 }, () => supervisor.acquire(ann)))
  t.equal(new Set(leases.map(({ worker }) => worker.id)).size, 1)
  t.equal(supervisor.list().length, 1)
  const pid = supervisor.list()[0]?.pid ?? 0
  t.ok(isAlive(pid))
  await supervisor.stop(ann, 'admin', 'drain')
  t.notOk(isAlive(pid))
})

t.test('every process is gone after a drain, however stubborn', linuxOnly, async (t) => {
  const { supervisor, ends } = build(t, 'stays', 1)
  await Promise.all(['a', 'b', 'c'].map((name) => supervisor.acquire(asUserId(name))))
  const pids = supervisor.list().map(({ pid }) => pid ?? 0)
  await supervisor.drain()
  t.ok(pids.length >= 3 && pids.every((pid) => processStart(pid) === undefined))
  t.strictSame(
    ends.map(({ reason, signal }) => `${reason} ${signal}`),
    Array(3).fill('drain SIGKILL')
  )
})

t.test('an ill worker ends alone, and its end is named', linuxOnly, async (t) => {
  const { supervisor } = build(t, 'misbehaves')
  const healthy = await supervisor.acquire(well)
  const end = async (name: string): Promise<string> => {
    const lease = await supervisor.acquire(asUserId(name))
    return (await lease.worker.gone).reason
  }
  t.strictSame(await Promise.all(['hangs', 'leaks', 'hoards', 'crashes'].map(end)), [
    'hung',
    'oom',
    'oom',
    'crash'
  ])
  t.match(await healthy.worker.channel.ask({ type: 'ping' }), { type: 'pong' })
  t.equal(supervisor.peek(well), healthy.worker)
})

t.test('a worker that is stopped in its tracks is found hung', linuxOnly, async (t) => {
  const { supervisor } = build(t, 'good')
  const { worker } = await supervisor.acquire(ann)
  process.kill(supervisor.list()[0]?.pid ?? 0, 'SIGSTOP')
  t.match(await worker.gone, { reason: 'hung', signal: 'SIGKILL' })
  t.ok(await supervisor.acquire(ann))
})

t.test('a warm worker serves the next user, and a probe leaves it alone', async (t) => {
  const { supervisor } = build(t, 'good', 1)
  await supervisor.probe()
  const [warm] = supervisor.list()
  const { worker } = await supervisor.acquire(ann)
  t.equal(worker.id, warm?.id)
  t.ok(isAlive(warm?.pid ?? 0))
})
