import type { Clock } from '#shared/clock.ts'
import type { UserId } from '#shared/ids.ts'

/** What a person has used since the gateway started. For operators; never a metric, which would grow with people. */
export interface Account {
  readonly calls: number
  readonly cpuSeconds: number
  readonly bytesIn: number
  readonly bytesOut: number
  readonly quotaUnits: number
  /** Milliseconds since the epoch. */
  readonly lastCallAt: number | undefined
}

const NOTHING: Account = {
  calls: 0,
  cpuSeconds: 0,
  bytesIn: 0,
  bytesOut: 0,
  quotaUnits: 0,
  lastCallAt: undefined
}
/** People who are remembered; beyond this those who called longest ago are forgotten. */
const MOST = 10_000

/** Who uses how much. */
export class UsageLedger {
  readonly #clock: Clock
  readonly #accounts = new Map<UserId, { -readonly [name in keyof Account]: Account[name] }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  of(userId: UserId): Account {
    return this.#accounts.get(userId) ?? NOTHING
  }

  /** Everybody who used anything, in no order. */
  users(): UserId[] {
    return [...this.#accounts.keys()]
  }

  called(userId: UserId, times = 1): void {
    if (times === 0) return
    const account = this.#account(userId)
    account.calls += times
    account.lastCallAt = this.#clock.now()
    this.#accounts.delete(userId) // the latest stands last
    this.#accounts.set(userId, account)
  }

  passed(userId: UserId, direction: 'in' | 'out', bytes: number): void {
    this.#account(userId)[direction === 'in' ? 'bytesIn' : 'bytesOut'] += bytes
  }

  spent(userId: UserId, quotaUnits: number): void {
    this.#account(userId).quotaUnits += quotaUnits
  }

  /** A worker of this person has ended, which had used so much of the processor. */
  ran(userId: UserId, cpuSeconds: number): void {
    this.#account(userId).cpuSeconds += cpuSeconds
  }

  forget(userId: UserId): void {
    this.#accounts.delete(userId)
  }

  #account(userId: UserId) {
    const known = this.#accounts.get(userId)
    if (known) return known
    const [oldest] = this.#accounts.keys()
    if (oldest !== undefined && this.#accounts.size >= MOST) this.#accounts.delete(oldest)
    const fresh = { ...NOTHING }
    this.#accounts.set(userId, fresh)
    return fresh
  }
}
