import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import type { Clock } from '#shared/clock.ts'
import type { BufferedBytes } from '../relay/buffered-bytes.ts'
import type { Exchanges } from '../relay/exchange.ts'
import type { SessionRegistry } from '../sessions/registry.ts'
import type { Supervisor } from '../supervisor/supervisor.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { WorkerCpuTime } from '../telemetry/worker-cpu-time.ts'

export interface GaugesParts {
  readonly metrics: Metrics
  readonly clock: Clock
  readonly supervisor: Supervisor
  readonly sessions: SessionRegistry
  readonly exchanges: Exchanges
  readonly held: BufferedBytes
  readonly workerTime: WorkerCpuTime
  /** Whether new calls are taken. */
  readonly accepts: () => boolean
}

const LAG_SAMPLE_MS = 20

/** What is set to what is true now for each scrape, so that no gauge is counted by hand. */
export class Gauges {
  readonly #parts: GaugesParts
  readonly #delay = monitorEventLoopDelay({ resolution: LAG_SAMPLE_MS })
  #utilization = performance.eventLoopUtilization()

  constructor(parts: GaugesParts) {
    this.#parts = parts
    this.#delay.enable()
  }

  async read(): Promise<void> {
    const { metrics, held, accepts } = this.#parts
    metrics.http.heldBytes.set({}, held.inAll)
    metrics.node.accepting.set({}, accepts() ? 1 : 0)
    this.#readLoop()
    this.#readCalls()
    this.#readWorkers()
    await this.#readSessions()
  }

  close(): void {
    this.#delay.disable()
  }

  /** A sample is the time between two timers, so what exceeds their interval is the lag. */
  #readLoop(): void {
    const { lag, utilization } = this.#parts.metrics.node
    const late = (ns: number): number => Math.max(0, ns / 1e9 - LAG_SAMPLE_MS / 1e3)
    const isSampled = this.#delay.count > 0
    const of = (percentile: number): number =>
      isSampled ? late(this.#delay.percentile(percentile)) : 0
    lag.set({ stat: 'p50' }, of(50))
    lag.set({ stat: 'p99' }, of(99))
    lag.set({ stat: 'max' }, of(100))
    this.#delay.reset()
    const now = performance.eventLoopUtilization()
    utilization.set({}, performance.eventLoopUtilization(now, this.#utilization).utilization)
    this.#utilization = now
  }

  #readCalls(): void {
    const { metrics, clock, exchanges } = this.#parts
    const since = exchanges.oldestSince()
    metrics.http.oldestCall.set({}, since === undefined ? 0 : (clock.monotonic() - since) / 1000)
  }

  #readWorkers(): void {
    const { metrics, supervisor } = this.#parts
    const { workers, limit, queued } = supervisor.census()
    for (const [state, count] of Object.entries(workers))
      metrics.workers.byPhase.set({ state }, count)
    metrics.workers.limit.set({}, limit)
    metrics.workers.queueDepth.set({}, queued)
    const all = supervisor.list()
    const resident = all.map(({ rssBytes }) => rssBytes ?? 0)
    metrics.workers.resident.set({ stat: 'sum' }, sum(resident))
    metrics.workers.resident.set({ stat: 'max' }, Math.max(0, ...resident))
    for (const { id, cpuSeconds } of all)
      if (cpuSeconds !== null) this.#parts.workerTime.seen(id, cpuSeconds)
    const lags = all.map(({ eventLoopLagSeconds }) => eventLoopLagSeconds ?? 0)
    metrics.workers.lag.set({}, Math.max(0, ...lags))
  }

  async #readSessions(): Promise<void> {
    const { metrics, sessions } = this.#parts
    const live = sessions.countLive()
    const { byState } = metrics.sessions
    byState.set({ era: 'legacy', state: 'live' }, live)
    // What can be told without the store is told without it: that is when somebody looks.
    const counted = await sessions.count().catch(() => undefined)
    if (!counted) return
    const { all, orphaned } = counted
    byState.set({ era: 'legacy', state: 'hibernated' }, Math.max(0, all - live))
    metrics.sessions.orphaned.set({}, orphaned)
  }
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0)
