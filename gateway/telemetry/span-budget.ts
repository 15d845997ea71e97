import type { Metrics } from './metrics.ts'

/** How many spans there may be: those that wait for the collector, and those on their way. The rest is only counted. */
export class SpanBudget {
  readonly #most: number
  readonly #counter: Metrics['traceSpans']
  #taken = 0

  constructor(most: number, counter: Metrics['traceSpans']) {
    this.#most = most
    this.#counter = counter
  }

  /** A place for a span; false when there is none, and then it should not come to be. */
  take(): boolean {
    if (this.#taken >= this.#most) {
      this.refuse()
      return false
    }
    this.#taken += 1
    return true
  }

  /** A span does not come to be. */
  refuse(): void {
    this.#counter.inc({ result: 'dropped' })
  }

  /** So many have been sent, or given up. */
  giveBack(count: number, isSent: boolean): void {
    this.#taken = Math.max(0, this.#taken - count)
    this.#counter.inc({ result: isSent ? 'sent' : 'failed' }, count)
  }
}
