import type { Vitals } from './life.ts'
import type { EndReason, StopMode } from './lifecycle.ts'
import type { ProcessUse } from './proc.ts'
import type { WorkerChannel } from './worker-channel.ts'

export interface WatchdogLimits {
  /** How long a worker may take to answer one heartbeat. Two in a row that fail mean that it hangs. */
  readonly heartbeatMs: number
  /** Resident memory over which a worker is replaced when it is idle. */
  readonly memoryBytes: number
}

/** One worker, as far as the watchdog is concerned. */
export interface Watched {
  readonly pid: number | undefined
  readonly channel: WorkerChannel
  readonly inFlight: number
  observe(vitals: Partial<Vitals>): void
}

/** Ends the worker, unless it is ending already. */
export type Stop = (reason: EndReason, mode: StopMode) => void

/** So many times the limit is too much to wait for the end of the calls in flight. */
export const FAR_OVER = 1.5

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

/** Looks after workers: do they answer, and how much do they use? */
export class Watchdog {
  readonly #limits: WatchdogLimits
  readonly #use: (pid: number) => Promise<ProcessUse | undefined>
  readonly #asked = new WeakSet<Watched>()

  constructor(limits: WatchdogLimits, use: (pid: number) => Promise<ProcessUse | undefined>) {
    this.#limits = limits
    this.#use = use
  }

  /** Checks one worker. May be called again at any time: a heartbeat that is under way is not doubled. */
  async check(watched: Watched, stop: Stop): Promise<void> {
    await Promise.all([this.#weigh(watched, stop), this.#listen(watched, stop)])
  }

  async #weigh(watched: Watched, stop: Stop): Promise<void> {
    const use = watched.pid === undefined ? undefined : await this.#use(watched.pid)
    if (!use) return
    watched.observe(use)
    const verdict = judgeMemory(use.rssBytes, watched.inFlight, this.#limits)
    if (verdict !== 'keep') stop('oom', verdict === 'kill' ? 'now' : 'drain')
  }

  async #listen(watched: Watched, stop: Stop): Promise<void> {
    if (this.#asked.has(watched)) return
    this.#asked.add(watched)
    try {
      // Twice, because an answer may lie unread while the gateway itself was held up.
      const { lagSeconds } = await this.#ping(watched).catch(() => this.#ping(watched))
      watched.observe({ eventLoopLagSeconds: lagSeconds })
    } catch {
      stop('hung', 'now')
    } finally {
      this.#asked.delete(watched)
    }
  }

  #ping({ channel }: Watched) {
    return channel.ask({ type: 'ping' }, this.#limits.heartbeatMs)
  }
}
