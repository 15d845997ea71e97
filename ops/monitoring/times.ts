/** How long rules look back and wait. */
export interface RuleTimes {
  /** A range of a query, such as `10m`. */
  range(text: string): string
  /** How long something must go on before it is an alert. */
  hold(text: string): string
}

/** As operators use them. */
export const REAL_TIMES: RuleTimes = { range: (text) => text, hold: (text) => text }

const SECONDS = { s: 1, m: 60, h: 3600, d: 86_400 } as const

/** Seconds of a duration as Prometheus writes it. Throws for what is none. */
export function secondsOf(text: string): number {
  const [, count, unit] = /^(\d+)([smhd])$/.exec(text) ?? []
  if (count === undefined || unit === undefined) throw new Error(`${text} is no duration`)
  return Number(count) * SECONDS[unit as keyof typeof SECONDS]
}

/**
 * The same rules `factor` times as fast, for a test that wants to see them fire and resolve: no range is shorter than
 * `leastSeconds`, which takes in some scrapes.
 */
export function fasterTimes(factor: number, leastSeconds: number): RuleTimes {
  const shorter = (text: string, least: number): string =>
    `${Math.max(least, Math.round(secondsOf(text) / factor))}s`
  return {
    range: (text) => shorter(text, leastSeconds),
    hold: (text) => shorter(text, 0)
  }
}
