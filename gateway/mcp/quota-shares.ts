import type { Clock } from '#shared/clock.ts'
import type { UserId } from '#shared/ids.ts'

export interface QuotaLimits {
  /** Google's units a minute for one person, and for all people of a project together. */
  readonly perPerson: number
  readonly perProject: number
}

/** What a worker may spend now: `units` of them, or none and when to come again. `left` is what its person may still have. */
export type QuotaAnswer =
  | { readonly units: number; readonly left: number; readonly waited: boolean }
  | { readonly units: 0; readonly left: number; readonly retryAfterMs: number }

/** A worker asks for no more at a time. */
export const MOST_UNITS = 500
/** Who would have to wait longer is told so. */
const LONGEST_WAIT_MS = 20_000
/** A worker of ours has one question open at a time. */
const MOST_OPEN = 4
/** Above so many people, those who have spent nothing for a minute are forgotten. */
const MANY_PEOPLE = 1000

interface Question {
  readonly units: number
  readonly since: number
  readonly answer: (answer: QuotaAnswer) => void
}

/** Units that come back evenly, up to those of one minute. */
class Bucket {
  readonly #clock: Clock
  readonly #perMinute: number
  #left: number
  #at: number

  constructor(perMinute: number, clock: Clock) {
    this.#perMinute = perMinute
    this.#clock = clock
    this.#left = perMinute
    this.#at = clock.monotonic()
  }

  get left(): number {
    const now = this.#clock.monotonic()
    const grown = ((now - this.#at) / 60_000) * this.#perMinute
    this.#left = Math.min(this.#perMinute, this.#left + grown)
    this.#at = now
    return this.#left
  }

  get isFull(): boolean {
    return this.left >= this.#perMinute
  }

  take(units: number): void {
    this.#left = this.left - units
  }

  /** Ms until there are so many. */
  msUntil(units: number): number {
    return Math.ceil((Math.max(0, units - this.left) / this.#perMinute) * 60_000)
  }
}

interface Person {
  readonly bucket: Bucket
  readonly open: Question[]
}

/**
 * Deals out Google's quota to the workers of this gateway. Nobody gets more than one person may have, however often they
 * ask; while all together want more than the project has, those go first who have had least of late. What a person has
 * spent is remembered here when their worker ends.
 */
export class QuotaShares {
  readonly #limits: QuotaLimits
  readonly #clock: Clock
  readonly #project: Bucket
  readonly #people = new Map<UserId, Person>()
  #disarm = (): void => {}

  constructor(limits: QuotaLimits, clock: Clock) {
    this.#limits = limits
    this.#clock = clock
    this.#project = new Bucket(limits.perProject, clock)
  }

  /** Never rejects. Resolves when there is enough, or as soon as it is known to take too long. */
  ask(userId: UserId, wanted: number): Promise<QuotaAnswer> {
    const units = Math.min(Math.max(1, wanted), MOST_UNITS, this.#limits.perPerson)
    const { bucket, open } = this.#person(userId)
    const owed = open.reduce((sum, question) => sum + question.units, 0)
    const wait = bucket.msUntil(owed + units)
    if (wait > LONGEST_WAIT_MS || open.length >= MOST_OPEN)
      return Promise.resolve({ units: 0, left: bucket.left, retryAfterMs: Math.max(1000, wait) })
    const { promise, resolve } = Promise.withResolvers<QuotaAnswer>()
    open.push({ units, since: this.#clock.monotonic(), answer: resolve })
    this.#deal()
    return promise
  }

  /** Answers those who wait, and nobody later. */
  close(): void {
    this.#disarm()
    for (const { bucket, open } of this.#people.values())
      for (const { answer } of open.splice(0))
        answer({ units: 0, left: bucket.left, retryAfterMs: 1000 })
  }

  #deal(): void {
    this.#disarm()
    this.#refuseLate()
    for (let next = this.#next(); next; next = this.#next()) {
      const { bucket, open } = next
      const question = open[0]
      if (!question || this.#project.left < question.units) break
      open.shift()
      bucket.take(question.units)
      this.#project.take(question.units)
      const waited = this.#clock.monotonic() > question.since
      question.answer({ units: question.units, left: bucket.left, waited })
    }
    this.#arm()
  }

  /** Who is next: of those who may have what they ask for, the one with the most left, who has had least. */
  #next(): Person | undefined {
    let next: Person | undefined
    for (const person of this.#people.values()) {
      const [question] = person.open
      if (!question || person.bucket.left < question.units) continue
      if (!next || person.bucket.left > next.bucket.left) next = person
    }
    return next
  }

  #refuseLate(): void {
    const now = this.#clock.monotonic()
    for (const { bucket, open } of this.#people.values())
      while (open[0] && now - open[0].since >= LONGEST_WAIT_MS)
        open.shift()?.answer({ units: 0, left: bucket.left, retryAfterMs: this.#waitOfAll() })
  }

  /** Ms until the project has what is asked for now. */
  #waitOfAll(): number {
    const people = [...this.#people.values()]
    const asked = people.flatMap(({ open }) => open).reduce((sum, { units }) => sum + units, 0)
    return Math.max(1000, this.#project.msUntil(asked))
  }

  #arm(): void {
    const now = this.#clock.monotonic()
    const times = [...this.#people.values()].flatMap(({ bucket, open: [question] }) =>
      question
        ? Math.min(
            Math.max(bucket.msUntil(question.units), this.#project.msUntil(question.units)),
            question.since + LONGEST_WAIT_MS - now
          )
        : []
    )
    if (times.length === 0) return
    this.#disarm = this.#clock.after(Math.max(1, Math.min(...times)), () => this.#deal())
  }

  #person(userId: UserId): Person {
    const known = this.#people.get(userId)
    if (known) return known
    if (this.#people.size >= MANY_PEOPLE)
      for (const [id, { bucket, open }] of this.#people)
        if (open.length === 0 && bucket.isFull) this.#people.delete(id)
    const person = { bucket: new Bucket(this.#limits.perPerson, this.#clock), open: [] }
    this.#people.set(userId, person)
    return person
  }
}
