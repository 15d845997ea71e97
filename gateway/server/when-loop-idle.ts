import { performance } from 'node:perf_hooks'

/** A server that never rests is watched for so long, to learn how short its turns can be. */
const WATCH_MS = 500
/** It gets what it waits for after this time, in whatever turn. */
const PATIENCE_MS = 2000
/** How much longer than the shortest turn that was seen a turn may be, in ms: they are told in small parts of one. */
const SLACK_MS = 0.1

/**
 * Calls `act` once, in a turn of the event loop in which nothing had arrived: every connection that waited has been accepted
 * and every byte read, a moment ago. What is closed then hardly takes anybody by surprise. A loop to which something always
 * comes has turns that are over almost as soon: `act` is called at the end of one of its shortest.
 */
export function whenLoopIdle(act: () => void): void {
  const began = performance.now()
  let { events } = performance.nodeTiming.uvMetricsInfo
  let last = began
  let shortest = Number.POSITIVE_INFINITY
  // Immediates run right after the loop has looked for arrivals, and while one waits it looks without waiting itself: so
  // long ago as this turn took, at most, everything that waited was taken.
  const look = (): void => {
    const now = performance.now()
    const turn = now - last
    const seen = events
    events = performance.nodeTiming.uvMetricsInfo.events
    last = now
    const isShort = now - began > WATCH_MS && turn <= shortest + SLACK_MS
    if (events === seen || isShort || now - began > PATIENCE_MS) {
      act()
      return
    }
    shortest = Math.min(shortest, turn)
    setImmediate(look)
  }
  setImmediate(look)
}
