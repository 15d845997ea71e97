const DAY = 86_400_000

/** Start of the day of `2026/11/20`, `2026-11-20`, `11/20/2026` (UTC), or seconds since the epoch; undefined otherwise. */
export function parseDate(text: string): number | undefined {
  if (/^\d{9,}$/.test(text)) return Number(text) * 1000
  const [, year, month, day] = /^(\d{4})[/-](\d{1,2})[/-](\d{1,2})$/.exec(text) ?? []
  if (year && month && day) return Date.UTC(Number(year), Number(month) - 1, Number(day))
  const [, m, d, y] = /^(\d{1,2})[/-](\d{1,2})[/-](\d{4})$/.exec(text) ?? []
  if (y && m && d) return Date.UTC(Number(y), Number(m) - 1, Number(d))
  return undefined
}

/** The moment `2d`, `3m` or `1y` ago (`h` is ours to Gmail's d, m, y); undefined otherwise. */
export function parseAge(text: string, now: number): number | undefined {
  const [, count, unit] = /^(\d+)([hdmy])$/.exec(text.toLowerCase()) ?? []
  if (count === undefined || unit === undefined) return undefined
  const at = new Date(now)
  if (unit === 'h') return now - Number(count) * 3_600_000
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
