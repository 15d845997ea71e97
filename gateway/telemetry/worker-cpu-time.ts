import type { WorkerId } from '#shared/ids.ts'

/** Adds up the processor time of workers that come and go, so that an end resets nothing. */
export class WorkerCpuTime {
  readonly #spend: (seconds: number) => void
  readonly #seen = new Map<WorkerId, number>()

  /** `spend` hears of what was used since the last look. */
  constructor(spend: (seconds: number) => void) {
    this.#spend = spend
  }

  /** A worker has used so much since its start. */
  seen(id: WorkerId, cpuSeconds: number): void {
    const before = this.#seen.get(id) ?? 0
    if (cpuSeconds <= before) return
    this.#seen.set(id, cpuSeconds)
    this.#spend(cpuSeconds - before)
  }

  /** As `seen`, for the last time. */
  ended(id: WorkerId, cpuSeconds: number): void {
    this.seen(id, cpuSeconds)
    this.#seen.delete(id)
  }
}
