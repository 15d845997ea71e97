import type { Clock } from '#shared/clock.ts'

export interface GoogleReachabilityParts {
  readonly clock: Clock
  /** Google has not answered `failed` times in a row; told when it begins, and once a minute while it goes on. */
  readonly onAway: (failed: number) => void
  /** It answers again, after so many seconds. */
  readonly onBack: (seconds: number) => void
  /** Nobody has tried to reach it for so long that it is not known any more. */
  readonly onLapse: () => void
}

/** One connection that fails says little; nobody's that works says much. */
const IN_A_ROW = 3
const REPEAT_MS = 60_000
/** Nobody has tried for so long: what was so then says nothing of now. */
const LAPSE_MS = 600_000

/** Whether Google can be reached, from what happens to everybody's connections and refreshes. */
export class GoogleReachability {
  readonly #parts: GoogleReachabilityParts
  #failed = 0
  #since = 0
  #toldAt: number | undefined
  #lapse = (): void => {}

  constructor(parts: GoogleReachabilityParts) {
    this.#parts = parts
  }

  get isAway(): boolean {
    return this.#toldAt !== undefined
  }

  /** Something of Google's answered. */
  answered(): void {
    const { clock, onBack } = this.#parts
    const wasAway = this.isAway
    this.#forget()
    if (wasAway) onBack((clock.monotonic() - this.#since) / 1000)
  }

  /** A connection, or a refresh of a token, failed for a reason that is nobody's own. */
  failed(): void {
    const { clock, onAway } = this.#parts
    const now = clock.monotonic()
    if (this.#failed === 0) this.#since = now
    this.#failed += 1
    this.#lapse()
    this.#lapse = clock.after(LAPSE_MS, () => this.#lapsed())
    if (this.#failed < IN_A_ROW) return
    if (this.#toldAt !== undefined && now - this.#toldAt < REPEAT_MS) return
    this.#toldAt = now
    onAway(this.#failed)
  }

  #lapsed(): void {
    const wasAway = this.isAway
    this.#forget()
    if (wasAway) this.#parts.onLapse()
  }

  #forget(): void {
    this.#lapse()
    this.#failed = 0
    this.#toldAt = undefined
  }
}
