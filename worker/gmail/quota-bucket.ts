import type { Clock } from '#shared/clock.ts'
import { ToolError } from '#shared/tool-error.ts'
import { sleep } from './sleep.ts'

/** A call that would have to wait longer is refused, so that its client learns why. */
const LONGEST_WAIT_MS = 20_000

const usedUp = (retryAfterMs: number): ToolError =>
  new ToolError('rate_limited', "This mailbox's share of Google's quota is used up.", {
    retryAfterMs
  })

/** Spends Google's quota units evenly: a bucket of one minute's units that fills up again all the time. */
export class QuotaBucket {
  readonly #clock: Clock
  readonly #capacity: number
  readonly #unitsPerMs: number
  #units: number
  #filledAt: number

  constructor(unitsPerMinute: number, clock: Clock) {
    this.#clock = clock
    this.#capacity = unitsPerMinute
    this.#unitsPerMs = unitsPerMinute / 60_000
    this.#units = unitsPerMinute
    this.#filledAt = clock.monotonic()
  }

  /** Units that can be spent now without waiting. */
  get left(): number {
    this.#fill()
    return Math.max(0, Math.floor(this.#units))
  }

  /**
   * Takes `units`, in the order of the calls. Resolves with whether it had to wait.
   * Throws `rate_limited` when the wait would be too long; an aborted wait gives its units back.
   */
  async spend(units: number, signal: AbortSignal): Promise<boolean> {
    this.#fill()
    const wait = Math.ceil(Math.max(0, units - this.#units) / this.#unitsPerMs)
    if (wait > LONGEST_WAIT_MS) throw usedUp(wait)
    this.#units -= units
    if (wait === 0) return false
    try {
      await sleep(this.#clock, wait, signal)
      return true
    } catch (aborted) {
      this.#units += units
      throw aborted
    }
  }

  /** Takes back what was spent and is not used after all. */
  giveBack(units: number): void {
    this.#units = Math.min(this.#capacity, this.#units + units)
  }

  /**
   * There is no more than this, whatever was thought. Throws `rate_limited` when those who spend already would have to wait
   * too long for it.
   */
  lower(units: number): void {
    this.#fill()
    this.#units = Math.min(this.#units, units)
    const wait = Math.ceil(Math.max(0, -this.#units) / this.#unitsPerMs)
    if (wait > LONGEST_WAIT_MS) throw usedUp(wait)
  }

  #fill(): void {
    const now = this.#clock.monotonic()
    this.#units = Math.min(this.#capacity, this.#units + (now - this.#filledAt) * this.#unitsPerMs)
    this.#filledAt = now
  }
}
