import type { Clock } from '#shared/clock.ts'

/** Time that moves only when a test says so. */
export class FakeClock implements Clock {
  #now: number
  #offset = 0
  #timers: { at: number; fn: () => void }[] = []

  constructor(start = 0) {
    this.#now = start
  }

  now(): number {
    return this.#now + this.#offset
  }

  monotonic(): number {
    return this.#now
  }

  /** Puts the wall clock forward, or back; no time passes. */
  step(ms: number): void {
    this.#offset += ms
  }

  after(ms: number, fn: () => void): () => void {
    const timer = { at: this.#now + ms, fn }
    this.#timers.push(timer)
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer)
    }
  }

  /** Moves time and calls what has come due, in its order; timers set meanwhile are called as well. */
  advance(ms: number): void {
    const end = this.#now + ms
    for (let next = this.#nextUntil(end); next; next = this.#nextUntil(end)) {
      const { at, fn } = next
      this.#timers = this.#timers.filter((timer) => timer !== next)
      this.#now = at
      fn()
    }
    this.#now = end
  }

  #nextUntil(end: number) {
    return this.#timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0]
  }
}
