export interface TokenBucketRules {
  readonly burst: number
  readonly perSecond: number
}

/** A token bucket: what may be done at once, and how fast it grows again. */
export class TokenBucket {
  readonly #rules: TokenBucketRules
  readonly #now: () => number
  #left: number
  #at: number

  /** `now` is in ms. */
  constructor(rules: TokenBucketRules, now: () => number) {
    this.#rules = rules
    this.#now = now
    this.#left = rules.burst
    this.#at = now()
  }

  /** Takes so much. False when there is less, and then nothing is taken. */
  take(amount: number): boolean {
    if (this.#left < amount) this.#grow()
    if (this.#left < amount) return false
    this.#left -= amount
    return true
  }

  /** Allows so much more, on top of what comes with time and up to the burst. */
  add(amount: number): void {
    this.#left = Math.min(this.#rules.burst, this.#left + amount)
  }

  #grow(): void {
    const now = this.#now()
    this.add((Math.max(0, now - this.#at) / 1000) * this.#rules.perSecond)
    this.#at = now
  }
}
