import { GoogleError } from '../google-error.ts'

/** Counts the calls of each account that are under way and, when a limit is set, refuses more. */
export class ParallelCalls {
  /** Calls of one account at a time; undefined means no limit. */
  limit: number | undefined
  readonly #now = new Map<string, number>()
  readonly #peak = new Map<string, number>()

  constructor(limit: number | undefined) {
    this.limit = limit
  }

  /** The most calls of an account that were ever under way together. */
  peak(email: string): number {
    return this.#peak.get(email) ?? 0
  }

  /** Answers with the call's end, to be called once. Throws 429 above the limit, and then counts nothing. */
  enter(email: string): () => void {
    const count = (this.#now.get(email) ?? 0) + 1
    if (this.limit !== undefined && count > this.limit) {
      throw new GoogleError('tooManyRequests', 'Too many concurrent requests for user.')
    }
    this.#now.set(email, count)
    this.#peak.set(email, Math.max(count, this.peak(email)))
    return () => this.#now.set(email, (this.#now.get(email) ?? 1) - 1)
  }
}
