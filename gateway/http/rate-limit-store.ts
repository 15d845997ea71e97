import type { FastifyRateLimitStore, FastifyRateLimitStoreCtor } from '@fastify/rate-limit'
import type { Clock } from '#shared/clock.ts'
import { clientNetwork } from './client-network.ts'

/** Addresses that are remembered for one limit; beyond this the oldest windows are forgotten. */
const ADDRESSES = 5000

interface Window {
  count: number
  readonly since: number
}

/**
 * Where @fastify/rate-limit counts requests; give the result as its `store`. Its own counts by the wall clock,
 * and one that is put back keeps everybody out for as long as it went back.
 */
export const rateLimitStoreOf = (clock: Clock): FastifyRateLimitStoreCtor =>
  class RateWindows implements FastifyRateLimitStore {
    readonly #windows = new Map<string, Window>()

    /** Counts a request of the address `key` in; answers what is left of its window as `ttl`, in ms. */
    incr(
      key: string,
      answer: Parameters<FastifyRateLimitStore['incr']>[1],
      windowMs: number
    ): void {
      const now = clock.monotonic()
      const network = clientNetwork(key)
      const known = this.#windows.get(network)
      const window = known && now - known.since < windowMs ? known : this.#begin(network, now)
      window.count += 1
      answer(null, { current: window.count, ttl: Math.ceil(window.since + windowMs - now) })
    }

    /** The counts of one route. */
    child(): FastifyRateLimitStore {
      return new RateWindows()
    }

    #begin(key: string, now: number): Window {
      this.#windows.delete(key) // a new window is the youngest
      const [oldest] = this.#windows.keys()
      if (oldest !== undefined && this.#windows.size >= ADDRESSES) this.#windows.delete(oldest)
      const window = { count: 0, since: now }
      this.#windows.set(key, window)
      return window
    }
  }
