import type { Clock } from '#shared/clock.ts'
import { clientNetwork } from './client-network.ts'

/** Wrong tokens that one address may send in a window: more than any client that lost its token, few to guess with. */
const MOST = 120
const WINDOW_MS = 60_000
/** Addresses that are remembered; beyond this the oldest are forgotten. */
const ADDRESSES = 10_000

interface Attempts {
  count: number
  readonly since: number
}

/** Counts wrong bearer tokens by address, so that nobody can try them out. */
export class FailedAttempts {
  readonly #clock: Clock
  readonly #most: number
  readonly #byAddress = new Map<string, Attempts>()

  /** `most` wrong tokens may come from an address in a minute. */
  constructor(clock: Clock, most = MOST) {
    this.#clock = clock
    this.#most = most
  }

  /** Seconds until this address may try again; 0 when it may now. */
  waitFor(address: string): number {
    const attempts = this.#current(clientNetwork(address))
    if (!attempts || attempts.count < this.#most) return 0
    return Math.ceil((attempts.since + WINDOW_MS - this.#clock.monotonic()) / 1000)
  }

  failed(address: string): void {
    const network = clientNetwork(address)
    const attempts = this.#current(network)
    if (attempts) attempts.count += 1
    else this.#begin(network)
  }

  #current(address: string): Attempts | undefined {
    const attempts = this.#byAddress.get(address)
    if (attempts && this.#clock.monotonic() - attempts.since < WINDOW_MS) return attempts
    this.#byAddress.delete(address)
    return undefined
  }

  #begin(address: string): void {
    const [oldest] = this.#byAddress.keys()
    if (oldest !== undefined && this.#byAddress.size >= ADDRESSES) this.#byAddress.delete(oldest)
    this.#byAddress.set(address, { count: 1, since: this.#clock.monotonic() })
  }
}
