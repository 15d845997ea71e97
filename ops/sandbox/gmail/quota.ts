import { GoogleError } from '../google-error.ts'

const MINUTE = 60_000

/** Counts quota units for each account and, when a limit is set, refuses what is above it. */
export class Quota {
  /** Units that one account may spend in a minute; undefined means no limit. */
  limit: number | undefined
  readonly #spent = new Map<string, { minute: number; units: number; total: number }>()

  constructor(limit: number | undefined) {
    this.limit = limit
  }

  /** All units that an account ever spent. */
  total(email: string): number {
    return this.#spent.get(email)?.total ?? 0
  }

  spend(email: string, units: number, now: number): void {
    const minute = Math.floor(now / MINUTE)
    const before = this.#spent.get(email) ?? { minute, units: 0, total: 0 }
    const used = before.minute === minute ? before.units : 0
    if (this.limit !== undefined && used + units > this.limit) {
      throw new GoogleError(
        'rateLimitExceeded',
        "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute per user' of service 'gmail.googleapis.com'."
      )
    }
    this.#spent.set(email, { minute, units: used + units, total: before.total + units })
  }
}
