import type { Clock } from '#shared/clock.ts'

/** What the main thread of a process has done. */
export interface MainThread {
  /** It waits for something to happen: it could have read what lies before it. */
  readonly isAsleep: boolean
  /** Processor time since it began, in ms. */
  readonly ranMs: number
}

const SLICE_MS = 250

/**
 * Calls `act` once a process has had `ms` of its own: time in which it ran, or slept although it might have run. What it
 * waited for the processor or for a disk does not count, nor does time in which this process did not get to its
 * timers, so that nobody pays for a busy machine. While `look` knows nothing, nothing counts. Gives what cancels it.
 */
export function afterProcessTime(
  clock: Clock,
  ms: number,
  look: () => MainThread | undefined,
  act: () => void
): () => void {
  let left = ms
  let last = look()
  let cancel = (): void => {}
  const arm = (): void => {
    cancel = clock.after(Math.min(left, SLICE_MS), () => {
      const now = look()
      left -= shareOf(Math.min(left, SLICE_MS), last, now)
      last = now
      if (left > 0) arm()
      else act()
    })
  }
  arm()
  return () => cancel()
}

function shareOf(slice: number, before: MainThread | undefined, now: MainThread | undefined) {
  if (!before || !now) return 0
  return now.isAsleep ? slice : Math.min(slice, now.ranMs - before.ranMs)
}
