import type { Clock } from '#shared/clock.ts'
import type { Launched } from '../launcher/launcher.ts'

export interface WarmPoolParts {
  /** How many workers wait. */
  readonly size: number
  /** How long one of them may take to become ready, in ms. */
  readonly startMs: number
  readonly clock: Clock
  /** Throws ERR_WORKER_CAPACITY. */
  readonly launch: () => Launched
  /** Whether the machine can spare a start now. */
  readonly maySpare: () => boolean
}

/** The next start waits until the worker that was just claimed has answered its first call. */
const REFILL_MS = 250

/** Workers without an identity, started ahead of need. A claimed worker never comes back. */
export class WarmPool {
  readonly #parts: WarmPoolParts
  readonly #waiting = new Set<Launched>()
  #starting: Launched | undefined
  #cancelRefill = (): void => {}
  #isOpen = true

  constructor(parts: WarmPoolParts) {
    this.#parts = parts
  }

  /** Every worker that waits, ready or not. */
  get workers(): readonly Launched[] {
    return [...this.#waiting]
  }

  /** The worker that waits longest, if any waits; it may have a part of its start before it. */
  claim(): Launched | undefined {
    const [claimed] = this.#waiting
    if (!claimed) return undefined
    this.#drop(claimed)
    this.#cancelRefill()
    this.#cancelRefill = this.#parts.clock.after(REFILL_MS, () => this.fill())
    return claimed
  }

  /** Starts a missing worker, one at a time and only while the machine can spare it. */
  fill(): void {
    if (!this.#isOpen || this.#starting || this.#waiting.size >= this.#parts.size) return
    if (!this.#parts.maySpare()) return
    const launched = this.#launch()
    if (!launched) return
    this.#starting = launched
    this.#waiting.add(launched)
    const cancel = this.#parts.clock.after(this.#parts.startMs, () => {
      if (this.#waiting.has(launched)) launched.kill('SIGKILL')
    })
    launched.ready.then(
      () => {
        cancel()
        this.#settle(launched)
        this.fill()
      },
      () => {
        cancel()
        // Not at once again: who fills next time decides when.
        if (this.#waiting.has(launched)) launched.kill('SIGKILL')
        this.#settle(launched)
      }
    )
    void launched.gone.then(() => this.#drop(launched))
  }

  /** Ends every worker that waits, and resolves when they are gone. May be called more than once. */
  async close(): Promise<void> {
    this.#isOpen = false
    this.#cancelRefill()
    const ending = this.workers
    for (const launched of ending) launched.kill('SIGKILL') // nothing is in flight
    await Promise.all(ending.map(({ gone }) => gone))
  }

  #launch(): Launched | undefined {
    try {
      return this.#parts.launch()
    } catch {
      return undefined // no room; whoever needs a worker comes first
    }
  }

  #drop(launched: Launched): void {
    this.#waiting.delete(launched)
    this.#settle(launched)
  }

  #settle(launched: Launched): void {
    if (this.#starting === launched) this.#starting = undefined
  }
}
