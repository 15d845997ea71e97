import type { Clock } from '#shared/clock.ts'

export interface ClockWatchParts {
  readonly clock: Clock
  /** The wall clock was put forward, or back when `seconds` is negative. Must not throw. */
  readonly onStep: (seconds: number) => void
}

/** Less is a clock that is being put right smoothly, or a machine that was busy. */
const STEP_MS = 2000
const LOOK_MS = 1000
/** A step forward beyond this could make everything look too old. */
const FAR_MS = 60_000
/** After such a step nothing is removed for being old: whoever put the clock wrong may still notice. */
const SETTLE_MS = 15 * 60_000

/** Compares the wall clock with the monotonic one. Stored ages are counted by the wall clock, which may step. */
export class ClockWatch {
  readonly #parts: ClockWatchParts
  #difference: number
  #unsettledUntil = Number.NEGATIVE_INFINITY
  #disarm = (): void => {}

  constructor(parts: ClockWatchParts) {
    this.#parts = parts
    this.#difference = this.#measure()
    this.#arm()
  }

  /** Whether what looks old is old. */
  isSettled(): boolean {
    this.#look()
    return this.#parts.clock.monotonic() >= this.#unsettledUntil
  }

  /** May be called more than once. */
  close(): void {
    this.#disarm()
  }

  #arm(): void {
    this.#disarm = this.#parts.clock.after(LOOK_MS, () => {
      this.#look()
      this.#arm()
    })
  }

  #look(): void {
    const { clock, onStep } = this.#parts
    const difference = this.#measure()
    const step = difference - this.#difference
    this.#difference = difference
    if (Math.abs(step) < STEP_MS) return
    if (step > FAR_MS) this.#unsettledUntil = clock.monotonic() + SETTLE_MS
    onStep(Math.round(step / 1000))
  }

  #measure(): number {
    const { clock } = this.#parts
    return clock.now() - clock.monotonic()
  }
}
