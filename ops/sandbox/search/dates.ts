const HOUR = 3_600_000
const DAY = 24 * HOUR

/**
 * Start of the day of `2026/11/20`, `2026-11-20` or `11/20/2026`, or seconds since the epoch; undefined otherwise. Days
 * begin in California (Gmail API, "Searching for messages": dates are midnight in the PST timezone).
 */
export function parseDate(text: string): number | undefined {
  if (/^\d{9,}$/.test(text)) return Number(text) * 1000
  const [, year, month, day] = /^(\d{4})[/-](\d{1,2})[/-](\d{1,2})$/.exec(text) ?? []
  if (year && month && day) return pacificMidnight(Number(year), Number(month), Number(day))
  const [, m, d, y] = /^(\d{1,2})[/-](\d{1,2})[/-](\d{4})$/.exec(text) ?? []
  if (y && m && d) return pacificMidnight(Number(y), Number(m), Number(d))
  return undefined
}

const PACIFIC = new Intl.DateTimeFormat('en-US', {
  timeZone: 'America/Los_Angeles',
  hour: 'numeric',
  hourCycle: 'h23'
})

/** Midnight there is 7 or 8 hours after midnight in Greenwich; the clocks change later in the night. */
function pacificMidnight(year: number, month: number, day: number): number {
  const summer = Date.UTC(year, month - 1, day, 7)
  return PACIFIC.format(summer) === '00' ? summer : summer + HOUR
}

/** The moment `2d`, `3m` or `1y` ago (`h` is ours to Gmail's d, m, y); undefined otherwise. */
export function parseAge(text: string, now: number): number | undefined {
  const [, count, unit] = /^(\d+)([hdmy])$/.exec(text.toLowerCase()) ?? []
  if (count === undefined || unit === undefined) return undefined
  const at = new Date(now)
  if (unit === 'h') return now - Number(count) * HOUR
  if (unit === 'd') return now - Number(count) * DAY
  if (unit === 'm') return at.setUTCMonth(at.getUTCMonth() - Number(count))
  return at.setUTCFullYear(at.getUTCFullYear() - Number(count))
}

/** Bytes of `5000`, `5K`, `10M`; undefined otherwise. */
export function parseSize(text: string): number | undefined {
  const [, count, unit = ''] = /^(\d+(?:\.\d+)?)([km]?)b?$/.exec(text.toLowerCase()) ?? []
  if (count === undefined) return undefined
  return Number(count) * ({ k: 1024, m: 1_048_576 }[unit] ?? 1)
}
