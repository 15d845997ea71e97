import type { Clock } from '#shared/clock.ts'
import { ToolError } from '#shared/tool-error.ts'
import { QuotaBucket } from './quota-bucket.ts'
import { unlessAborted } from './unless-aborted.ts'

/** What was given of the quota of all, and how much of this mailbox's own is left beside it. */
export interface GivenUnits {
  readonly units: number
  readonly left?: number | undefined
  readonly waited?: boolean | undefined
  readonly retryAfterMs?: number | undefined
}

/** Asks whoever deals out the quota of all for some of it. Never rejects. */
export type AskForUnits = (units: number) => Promise<GivenUnits>

/** So many are asked for at a time: enough for a page of mail, and little to lose. */
const BATCH = 200
/** What is not spent by then is spent elsewhere, as far as anybody knows. */
const GOOD_MS = 10_000

/** As `Pace`, and no faster than the share that this worker is given of what all have together. */
export class SharedQuota {
  readonly #own: QuotaBucket
  readonly #clock: Clock
  readonly #ask: AskForUnits
  #held = 0
  /** Of those who have spent their own and wait for a share of what all have. */
  #pending = 0
  #until = 0
  /** Those who spend take turns, so that one question is open at a time. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(unitsPerMinute: number, clock: Clock, ask: AskForUnits) {
    this.#own = new QuotaBucket(unitsPerMinute, clock)
    this.#clock = clock
    this.#ask = ask
  }

  get left(): number {
    return this.#own.left
  }

  /** As `Pace.spend`. What was asked for by somebody who gives up is there for the next one. */
  async spend(units: number, signal: AbortSignal): Promise<boolean> {
    const waitedForOwn = await this.#own.spend(units, signal)
    this.#pending += units
    const taken = this.#turn
      .then(() => this.#take(units, signal))
      .finally(() => {
        this.#pending -= units
      })
    this.#turn = taken.catch(() => this.#own.giveBack(units))
    return (await unlessAborted(taken, signal)) || waitedForOwn
  }

  async #take(units: number, signal: AbortSignal): Promise<boolean> {
    signal.throwIfAborted()
    if (this.#clock.monotonic() > this.#until) this.#held = 0
    let waited = false
    while (this.#held < units) {
      const given = await this.#askFor(units - this.#held)
      this.#held += given.units
      this.#until = this.#clock.monotonic() + GOOD_MS
      // An earlier worker of this mailbox may have spent what this one knows nothing of.
      if (given.left !== undefined) this.#own.lower(given.left + this.#held - this.#pending)
      if (given.units === 0)
        throw new ToolError('rate_limited', "Everybody's share of Google's quota is used up.", {
          retryAfterMs: given.retryAfterMs ?? 1000
        })
      waited ||= given.waited === true
    }
    this.#held -= units
    return waited
  }

  /** Some to spare, if there is enough for that. */
  async #askFor(needed: number): Promise<GivenUnits> {
    const given = await this.#ask(Math.max(BATCH, needed))
    return given.units > 0 || needed >= BATCH ? given : this.#ask(needed)
  }
}
