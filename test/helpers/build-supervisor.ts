import type { MainThread } from '../../gateway/launcher/process-timeout.ts'
import type { ProcessUse } from '../../gateway/launcher/procfs.ts'
import type { WorkerEnd } from '../../gateway/supervisor/supervisor.ts'
import { supervisorSettings } from '../../gateway/supervisor/supervisor-settings.ts'
import { createSupervisor } from '../../gateway/supervisor/worker-supervisor.ts'
import { GatewayError } from '../../shared/errors.ts'
import { FakeClock } from './fake-clock.ts'
import { FakeLauncher, type Manners } from './fake-launcher.ts'

const OPTIONS = {
  workerLimit: 10,
  concurrentStarts: 4,
  queueLimit: 2,
  queueWaitMs: 500,
  startMs: 1000,
  drainMs: 1000,
  idleMs: 60_000,
  memoryBytes: 200,
  warmWorkers: 0
}

/** A supervisor over fake workers and a fake clock, and what it told. */
export function buildSupervisor(
  manners: Manners = {},
  options: Partial<typeof OPTIONS> = {},
  leftMs?: () => number
) {
  const clock = new FakeClock(1_000_000)
  const launcher = new FakeLauncher(clock, manners)
  const log: string[] = []
  /** What each process uses, by pid. */
  const use = new Map<number, ProcessUse>()
  /** What the main thread of each process does, by pid. */
  const threads = new Map<number, MainThread>()
  const ends: WorkerEnd[] = []
  const supervisor = createSupervisor({
    clock,
    launcher,
    settings: supervisorSettings({ ...OPTIONS, ...options }),
    random: () => 0.5,
    hold: async () => ({ release() {} }),
    ...(leftMs && { leftMs }),
    processUse: async (pid) => use.get(pid),
    mainThread: (pid) => threads.get(pid),
    assignment: async (userId) => {
      if (userId === 'blocked') throw new GatewayError('ERR_ACCOUNT_BLOCKED', 'Blocked.')
      return { email: `${userId}@example.com`, googleScopes: ['gmail'] }
    },
    events: {
      onPhase: (userId, from, to) => void log.push(`${userId}: ${from} > ${to}`),
      onSpawn: (path, result, seconds) => void log.push(`${path} ${result} ${seconds}`),
      onAssigned: ({ userId }) => void log.push(`${userId}: assigned`),
      onMessage: ({ userId }, { type }) => void log.push(`${userId} says ${type}`),
      onExit: (end) => void ends.push(end)
    }
  })
  return { supervisor, launcher, clock, log, ends, use, threads }
}
