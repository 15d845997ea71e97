import type { EndReason } from './lifecycle.ts'

/** What is known of a ready worker. Times are as `Clock.monotonic`. */
export interface Usage {
  readonly inFlight: number
  readonly lastUsedAt: number
  readonly launchedSince: number
}

export interface IdleLimits {
  /** A worker that nobody used for so long ends. */
  readonly idleMs: number
  /** A worker this old ends between two calls. */
  readonly maxAgeMs?: number
}

/** Why this worker should be hibernated now, if it should. A worker with a call in flight never is. */
export function whyHibernate(
  { inFlight, lastUsedAt, launchedSince }: Usage,
  now: number,
  { idleMs, maxAgeMs = Number.POSITIVE_INFINITY }: IdleLimits
): Extract<EndReason, 'idle' | 'age'> | undefined {
  if (inFlight > 0) return undefined
  if (now - lastUsedAt >= idleMs) return 'idle'
  return now - launchedSince >= maxAgeMs ? 'age' : undefined
}

/** The workers without a call in flight, those used longest ago first. */
export const leastRecentlyUsed = <T extends Usage>(workers: readonly T[]): T[] =>
  workers.filter(({ inFlight }) => inFlight === 0).sort((a, b) => a.lastUsedAt - b.lastUsedAt)
