import type { Clock } from '#shared/clock.ts'
import type { FromWorker } from '#shared/worker-protocol.ts'

type Report = Extract<FromWorker, { type: 'metrics' }>
type Count = Report['counts'][number]
type Observation = Report['observations'][number]

/** A gateway that scrapes every 15 s or so sees nothing of this delay. */
const REPORT_MS = 5000
/** Under heavy load a report goes out early, so that it never gets large. */
const MOST_OBSERVATIONS = 500

/** What a worker counts, sent to the gateway as differences so that a worker's end resets nothing. */
export class MetricDeltas {
  readonly #clock: Clock
  readonly #send: (report: Report) => void
  #counts = new Map<string, Count>()
  #observations: Observation[] = []
  #disarm: (() => void) | undefined

  constructor(clock: Clock, send: (report: Report) => void) {
    this.#clock = clock
    this.#send = send
  }

  count(name: Count['name'], labels: Count['labels'], by = 1): void {
    const key = JSON.stringify([name, labels])
    const { value } = this.#counts.get(key) ?? { value: 0 }
    this.#counts.set(key, { name, labels, value: value + by })
    this.#arm()
  }

  observe(name: Observation['name'], labels: Observation['labels'], value: number): void {
    this.#observations.push({ name, labels, value })
    if (this.#observations.length >= MOST_OBSERVATIONS) this.flush()
    else this.#arm()
  }

  /** Sends what has gathered. May be called at any time, and again. */
  flush(): void {
    this.#disarm?.()
    this.#disarm = undefined
    if (this.#counts.size === 0 && this.#observations.length === 0) return
    const report = {
      type: 'metrics' as const,
      counts: [...this.#counts.values()],
      observations: this.#observations
    }
    this.#counts = new Map()
    this.#observations = []
    this.#send(report)
  }

  #arm(): void {
    this.#disarm ??= this.#clock.after(REPORT_MS, () => this.flush())
  }
}
