import type { SupervisorSettings } from './worker-supervisor.ts'

/** What an operator may set. Times are in ms. */
export interface SupervisorOptions {
  readonly workerLimit: number
  readonly concurrentStarts: number
  readonly queueLimit: number
  readonly queueWaitMs: number
  readonly startMs: number
  readonly idleMs: number
  /** Resident memory that a worker may use for long, in bytes. */
  readonly memoryBytes: number
  readonly warmWorkers: number
  /** Within this time after `drain` every process is gone. */
  readonly drainMs: number
}

/** The settings that follow from what an operator set, and those that nobody needs to set. */
export const supervisorSettings = (options: SupervisorOptions): SupervisorSettings => ({
  lifecycle: {
    startMs: options.startMs,
    drainMs: options.drainMs * 0.8,
    killMs: options.drainMs * 0.1,
    brokenMs: 60_000,
    maxFailures: 5,
    halfLifeMs: 5 * 60_000,
    restMs
  },
  admission: {
    places: options.workerLimit,
    starts: options.concurrentStarts,
    queue: options.queueLimit,
    waitMs: options.queueWaitMs
  },
  idle: { idleMs: options.idleMs },
  watchdog: {
    heartbeatMs: 15_000,
    idleMs: 30_000,
    busyMs: 500,
    silentMs: 2000,
    memoryBytes: options.memoryBytes
  },
  warmWorkers: options.warmWorkers,
  roundMs: Math.min(5000, Math.max(100, options.idleMs / 4))
})

/**
 * A first failure costs its user nothing: the next call gets a new worker at once. From the second on the
 * rest doubles, so that a worker that cannot live does not take the machine from the others.
 */
const restMs = (failures: number): number =>
  failures < 2 ? 0 : Math.min(5000, 100 * 2 ** (failures - 2))
