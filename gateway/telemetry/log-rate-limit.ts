/** So many in each window of so many ms pass one by one. */
export interface LogRateLimitRules {
  readonly most: number
  readonly windowMs: number
}

const LINES: LogRateLimitRules = { most: 20, windowMs: 1000 }
/** Kinds that are remembered at a time. */
const KEPT = 10_000

interface Window {
  since: number
  lines: number
  held: number
}

/** Lets what one person causes of one kind pass while it is little; of the rest it keeps the number. */
export class LogRateLimit {
  readonly #now: () => number
  readonly #rules: LogRateLimitRules
  readonly #windows = new Map<string, Window>()

  /** `now` is in ms and never goes back. */
  constructor(now: () => number, rules: LogRateLimitRules = LINES) {
    this.#now = now
    this.#rules = rules
  }

  /** Undefined when the line should be left out; else how many were left out before it. */
  pass(who: string, kind: string): number | undefined {
    const key = `${kind} ${who}`
    const now = this.#now()
    const window = this.#windows.get(key)
    if (!window || now - window.since >= this.#rules.windowMs) {
      this.#windows.delete(key) // the latest stands last
      const [oldest] = this.#windows.keys()
      if (oldest !== undefined && this.#windows.size >= KEPT) this.#windows.delete(oldest)
      this.#windows.set(key, { since: now, lines: 1, held: 0 })
      return window?.held ?? 0
    }
    if (window.lines < this.#rules.most) {
      window.lines += 1
      return 0
    }
    window.held += 1
    return undefined
  }
}
