import type { Clock } from '#shared/clock.ts'
import { GatewayError } from '#shared/errors.ts'
import type { UserId } from '#shared/ids.ts'

export interface CallRules {
  /** Requests of one account at the same time. */
  readonly inFlight: number
  /** Sustained requests per second of one account, and how many may come at once. */
  readonly perSecond: number
  readonly burst: number
  /** Open event streams of one account. */
  readonly streams: number
}

/** How many accounts come to be between two looks for forgotten ones. */
const PRUNE_EVERY = 1024

interface Account {
  inFlight: number
  streams: number
  tokens: number
  refilledAt: number
}

/** Keeps one account from taking everybody's share: calls in flight, call rate (token bucket), streams. */
export class CallerLimits {
  readonly #accounts = new Map<UserId, Account>()
  readonly #rules: CallRules
  readonly #clock: Clock

  constructor(rules: CallRules, clock: Clock) {
    this.#rules = rules
    this.#clock = clock
  }

  /** Counts a call in; the returned function counts it out, once. Throws ERR_TOO_MANY_CALLS. */
  enterCall(userId: UserId): () => void {
    return this.#enter(userId, 1)
  }

  /**
   * Counts in the rest of a batch of so many messages, of which one is counted in as a call already. The
   * returned function counts it out, once. Throws ERR_TOO_MANY_CALLS, and then nothing is counted.
   */
  enterRestOf(userId: UserId, batch: number): () => void {
    if (batch > this.#rules.inFlight) {
      throw new GatewayError(
        'ERR_TOO_MANY_CALLS',
        `Each message of a batch is a call, and at most ${this.#rules.inFlight} calls of an account run at once; send fewer together.`,
        { limit: 'calls' }
      )
    }
    return this.#enter(userId, batch - 1)
  }

  /** Counts a request that occupies nothing, for the rate alone. Throws ERR_TOO_MANY_CALLS. */
  spend(userId: UserId): void {
    this.#spend(this.#account(userId), 1)
  }

  /** Counts an event stream in; the returned function counts it out, once. Throws ERR_TOO_MANY_STREAMS. */
  enterStream(userId: UserId): () => void {
    const account = this.#account(userId)
    if (account.streams >= this.#rules.streams) {
      throw new GatewayError(
        'ERR_TOO_MANY_STREAMS',
        `At most ${this.#rules.streams} event streams of an account may be open; close one first.`,
        { retryAfter: 5 }
      )
    }
    account.streams += 1
    return once(() => {
      account.streams -= 1
    })
  }

  #enter(userId: UserId, calls: number): () => void {
    const account = this.#account(userId)
    if (account.inFlight + calls > this.#rules.inFlight) {
      throw new GatewayError(
        'ERR_TOO_MANY_CALLS',
        `At most ${this.#rules.inFlight} calls of an account run at once; wait for one to finish.`,
        { retryAfter: 1, limit: 'calls' }
      )
    }
    this.#spend(account, calls)
    account.inFlight += calls
    return once(() => {
      account.inFlight -= calls
    })
  }

  #spend(account: Account, calls: number): void {
    if (account.tokens < calls) {
      throw new GatewayError(
        'ERR_TOO_MANY_CALLS',
        `At most ${this.#rules.perSecond} calls per second are served for an account; slow down.`,
        { retryAfter: Math.max(1, Math.ceil((calls - account.tokens) / this.#rules.perSecond)) }
      )
    }
    account.tokens -= calls
  }

  #account(userId: UserId): Account {
    const { burst, perSecond } = this.#rules
    const now = this.#clock.monotonic()
    const account = this.#accounts.get(userId)
    if (!account) {
      if (this.#accounts.size % PRUNE_EVERY === PRUNE_EVERY - 1) this.#prune()
      const fresh = { inFlight: 0, streams: 0, tokens: burst, refilledAt: now }
      this.#accounts.set(userId, fresh)
      return fresh
    }
    const earned = ((now - account.refilledAt) / 1000) * perSecond
    account.tokens = Math.min(burst, account.tokens + earned)
    account.refilledAt = now
    return account
  }

  /** An account that is as good as new needs no entry; without this the map would grow with every user. */
  #prune(): void {
    for (const userId of [...this.#accounts.keys()]) {
      const { inFlight, streams, tokens } = this.#account(userId)
      if (inFlight === 0 && streams === 0 && tokens >= this.#rules.burst)
        this.#accounts.delete(userId)
    }
  }
}

/** Makes a function that may be called more than once act only the first time. */
function once(leave: () => void): () => void {
  let entered = true
  return () => {
    if (entered) leave()
    entered = false
  }
}
