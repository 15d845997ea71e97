import type { Clock } from '#shared/clock.ts'
import { FAR_OVER } from '../launcher/confinement.ts'
import { afterProcessTime, type MainThread } from '../launcher/process-timeout.ts'
import type { ProcessUse } from '../launcher/procfs.ts'
import type { WorkerChannel } from '../launcher/worker-channel.ts'
import type { Vitals } from './assigned-worker.ts'
import type { EndReason, StopMode } from './lifecycle.ts'

export interface WatchdogLimits {
  /**
   * How long a worker may take to answer one heartbeat, where nothing tells what it does meanwhile. Two in a row that
   * fail mean that it hangs.
   */
  readonly heartbeatMs: number
  /** Time between two heartbeats of a worker that was sent nothing meanwhile: each wakes a process that sleeps. */
  readonly idleMs: number
  /** How soon a worker that was sent something is asked whether it reads, and how often while it has not answered. */
  readonly busyMs: number
  /**
   * How long a worker may leave a heartbeat unanswered in time of its own: running without a pause, or asleep. What
   * honest work takes at a stretch is far less, since it is done in a thread or while waiting for Gmail.
   */
  readonly silentMs: number
  /** Resident memory over which a worker is replaced when it is idle. */
  readonly memoryBytes: number
}

/** One worker, as far as the watchdog is concerned. */
export interface Watched {
  readonly pid: number | undefined
  readonly channel: WorkerChannel
  readonly inFlight: number
  /** When it was sent something last, as `Clock.monotonic`. */
  readonly lastUsedAt: number
  observe(vitals: Partial<Vitals>): void
}

/** Ends the worker, unless it is ending already. */
export type Stop = (reason: EndReason, mode: StopMode) => void

/** A heartbeat of which nothing is heard is given up then, and another one is sent. */
const LONG_MS = 3600_000

/** What to do about a worker's memory. */
export function judgeMemory(
  rssBytes: number,
  inFlight: number,
  { memoryBytes }: Pick<WatchdogLimits, 'memoryBytes'>
): 'keep' | 'replace' | 'kill' {
  if (rssBytes <= memoryBytes) return 'keep'
  if (rssBytes > memoryBytes * FAR_OVER) return 'kill'
  return inFlight === 0 ? 'replace' : 'keep'
}

export interface WatchdogParts {
  readonly limits: WatchdogLimits
  readonly clock: Clock
  readonly processUse: (pid: number) => Promise<ProcessUse | undefined>
  readonly mainThread: (pid: number) => MainThread | undefined
}

/** Looks after workers: do they answer, and how much do they use? */
export class Watchdog {
  readonly #parts: WatchdogParts
  /** When each was asked last, and whether it has answered. */
  readonly #asked = new WeakMap<Watched, { readonly at: number; hasAnswered: boolean }>()

  constructor(parts: WatchdogParts) {
    this.#parts = parts
  }

  /** Checks one worker. May be called again at any time: a heartbeat that is under way is not doubled. */
  async check(watched: Watched, stop: Stop): Promise<void> {
    const { clock, limits } = this.#parts
    const isDue = clock.monotonic() - this.#askedAt(watched) >= limits.idleMs
    await Promise.all([this.#weigh(watched, stop), isDue && this.#listen(watched, stop)])
  }

  /**
   * Asks a worker that has a call in flight, or had one since it was asked last, so that one that does not read is found
   * soon. While calls follow one another quickly, their answers say enough.
   */
  async checkBusy(watched: Watched, stop: Stop): Promise<void> {
    const { clock, limits } = this.#parts
    const { inFlight, lastUsedAt } = watched
    const isNews = lastUsedAt >= this.#askedAt(watched)
    const isOver = clock.monotonic() - lastUsedAt >= 2 * limits.busyMs
    if (inFlight > 0 || (isNews && isOver)) await this.#listen(watched, stop)
  }

  #askedAt(watched: Watched): number {
    return this.#asked.get(watched)?.at ?? Number.NEGATIVE_INFINITY
  }

  async #weigh(watched: Watched, stop: Stop): Promise<void> {
    const use = watched.pid === undefined ? undefined : await this.#parts.processUse(watched.pid)
    if (!use) return
    watched.observe(use)
    const verdict = judgeMemory(use.rssBytes, watched.inFlight, this.#parts.limits)
    if (verdict !== 'keep') stop('oom', verdict === 'kill' ? 'now' : 'drain')
  }

  async #listen(watched: Watched, stop: Stop): Promise<void> {
    if (this.#asked.get(watched)?.hasAnswered === false) return
    const { clock, limits, mainThread } = this.#parts
    const asked = { at: clock.monotonic(), hasAnswered: false }
    this.#asked.set(watched, asked)
    const look = () => (watched.pid === undefined ? undefined : mainThread(watched.pid))
    const cancel = afterProcessTime(clock, limits.silentMs, look, () => stop('hung', 'now'))
    const isSeen = look() !== undefined
    try {
      const { lagSeconds } = await (isSeen
        ? this.#ping(watched, LONG_MS)
        : this.#pingTwice(watched))
      watched.observe({ eventLoopLagSeconds: lagSeconds })
    } catch {
      // One that is seen is judged by its own time: on a busy machine nobody's clock says that it hangs.
      if (!isSeen) stop('hung', 'now')
    } finally {
      cancel()
      asked.hasAnswered = true
    }
  }

  /** Twice, because an answer may lie unread while the gateway itself was held up. */
  #pingTwice(watched: Watched) {
    const { heartbeatMs } = this.#parts.limits
    return this.#ping(watched, heartbeatMs).catch(() => this.#ping(watched, heartbeatMs))
  }

  #ping({ channel }: Watched, deadlineMs: number) {
    return channel.ask({ type: 'ping' }, deadlineMs)
  }
}
