import type { Clock } from '#shared/clock.ts'
import type { WorkerId } from '#shared/ids.ts'
import type { Supervisor } from '../supervisor/supervisor.ts'

/** How often a worker with calls is looked at again. */
const LOOK_MS = 250

export interface RecyclingParts {
  readonly supervisor: Pick<Supervisor, 'list' | 'stopWorker'>
  readonly clock: Clock
  /** A worker that has calls for longer is stopped all the same, after them if DRAIN_TIMEOUT lasts. */
  readonly patienceMs: number
}

/**
 * Replaces every worker there is, one after the other, each when it has no call: so that there is never less room than
 * one place, and nobody waits for somebody else's call to end.
 */
export class Recycling {
  readonly #parts: RecyclingParts
  readonly #left = new Set<WorkerId>()
  #cancelWait = (): void => {}
  #isClosed = false
  #round: Promise<void> | undefined

  constructor(parts: RecyclingParts) {
    this.#parts = parts
  }

  /** Answers those that are to go; while that goes on, those that are left. */
  start(): WorkerId[] {
    if (!this.#round) {
      for (const { id } of this.#parts.supervisor.list()) this.#left.add(id)
      this.#round = this.#all().finally(() => {
        this.#round = undefined
      })
    }
    return [...this.#left]
  }

  /** Stops nothing more. May be called more than once. */
  close(): void {
    this.#isClosed = true
    this.#cancelWait()
  }

  /** Never rejects: `stopWorker` does not. */
  async #all(): Promise<void> {
    for (const id of [...this.#left]) {
      if (await this.#isIdle(id)) await this.#parts.supervisor.stopWorker(id, 'upgrade', 'drain')
      this.#left.delete(id)
    }
  }

  /** Waits until the worker has no call, or patience ends. False when there is nothing to stop. */
  async #isIdle(id: WorkerId): Promise<boolean> {
    const { supervisor, clock, patienceMs } = this.#parts
    const from = clock.monotonic()
    while (!this.#isClosed) {
      const worker = supervisor.list().find((one) => one.id === id)
      if (!worker) return false
      if (worker.inFlight === 0 || clock.monotonic() - from >= patienceMs) return true
      await new Promise<void>((resolve) => {
        const cancel = clock.after(LOOK_MS, resolve)
        this.#cancelWait = () => {
          cancel()
          resolve()
        }
      })
    }
    return false
  }
}
