import type { Clock } from '#shared/clock.ts'

const SLICE_MS = 250

/**
 * Calls `act` once this process has been running for `ms`. Time in which it was
 * stopped or could not get to its timers does not count, so nobody pays for it who had no part in it. Gives what
 * cancels it.
 */
export function afterRunningFor(clock: Clock, ms: number, act: () => void): () => void {
  let left = ms
  let cancel = (): void => {}
  const arm = (): void => {
    const slice = Math.min(left, SLICE_MS)
    cancel = clock.after(slice, () => {
      left -= slice
      if (left > 0) arm()
      else act()
    })
  }
  arm()
  return () => cancel()
}
