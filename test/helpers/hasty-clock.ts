import { type Clock, systemClock } from '#shared/clock.ts'

/** Waits for nothing. */
export const hasty: Clock = {
  now: systemClock.now,
  monotonic: systemClock.monotonic,
  after(_, fn) {
    const soon = setImmediate(fn)
    return () => clearImmediate(soon)
  }
}
