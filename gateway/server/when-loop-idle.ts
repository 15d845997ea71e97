import { performance } from 'node:perf_hooks'

/** A server that never rests gets what it waits for after this time, in whatever turn. */
const PATIENCE_MS = 2000

/**
 * Calls `act` once, in a turn of the event loop in which nothing had arrived: every connection that waited
 * has been accepted and every byte read, a moment ago. What is closed then hardly takes anybody by surprise.
 */
export function whenLoopIdle(act: () => void): void {
  const until = performance.now() + PATIENCE_MS
  let { events } = performance.nodeTiming.uvMetricsInfo
  const look = (): void => {
    const seen = events
    events = performance.nodeTiming.uvMetricsInfo.events
    if (events === seen || performance.now() > until) act()
    else setImmediate(look)
  }
  setImmediate(look) // immediates run right after the loop has looked for arrivals
}
