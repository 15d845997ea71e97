import { ToolError } from '#shared/tool-error.ts'

const LOCAL = /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2}))?)?$/
const ZONED = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})$/i

export interface SearchDates {
  readonly after?: string | undefined
  readonly before?: string | undefined
  /** An IANA name, for dates without an offset. */
  readonly timeZone?: string | undefined
}

/**
 * Search terms for moments in time. Gmail takes days as Pacific time and seconds since the epoch as they are
 * (developers.google.com/workspace/gmail/api/guides/filtering), so a day of any other zone is given in seconds. Throws
 * `invalid_argument` for what is no date, or a date without a zone.
 */
function dateTerms({ after, before, timeZone }: SearchDates): string {
  const from = after === undefined ? [] : [`after:${seconds('after', after, timeZone)}`]
  const until = before === undefined ? [] : [`before:${seconds('before', before, timeZone)}`]
  return [...from, ...until].join(' ')
}

/** A search with those terms before it: at its end they could come under an OR. */
export const withDates = (query: string, dates: SearchDates): string =>
  [dateTerms(dates), query].filter((each) => each.trim() !== '').join(' ')

function seconds(field: string, written: string, timeZone: string | undefined): number {
  const text = written.trim()
  if (/^\d{9,11}$/.test(text)) return Number(text)
  const time = ZONED.test(text) ? Date.parse(text.replace(' ', 'T')) : local(field, text, timeZone)
  if (!Number.isFinite(time))
    throw new ToolError(
      'invalid_argument',
      `${field} is no date: write 2026-01-31T00:00:00+01:00, or 2026-01-31 with timeZone.`
    )
  return Math.floor(time / 1000)
}

function local(field: string, text: string, timeZone: string | undefined): number {
  const parts = LOCAL.exec(text)
  if (!parts) return Number.NaN
  if (timeZone === undefined)
    throw new ToolError(
      'invalid_argument',
      `${field} has no zone: add an offset (2026-01-31T00:00:00+01:00), or give timeZone, such as Europe/Berlin.`
    )
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0] = parts
    .slice(1)
    .map((part) => Number(part ?? 0))
  const wall = Date.UTC(year, month - 1, day, hour, minute, second)
  if (new Date(wall).getUTCDate() !== day) return Number.NaN
  const offset = offsetIn(timeZone)
  // The offset may be another one at the moment that the first guess gives.
  return wall - offset(wall - offset(wall))
}

/** How far a zone is ahead of UTC at a moment, in milliseconds. */
function offsetIn(timeZone: string): (time: number) => number {
  let format: Intl.DateTimeFormat
  try {
    format = new Intl.DateTimeFormat('en-US', { timeZone, timeZoneName: 'longOffset' })
  } catch (cause) {
    throw new ToolError('invalid_argument', 'timeZone is no zone, such as Europe/Berlin or UTC.', {
      cause
    })
  }
  return (time) => {
    const name = format.formatToParts(time).find(({ type }) => type === 'timeZoneName')?.value ?? ''
    const [, sign, hours, minutes, rest] = /([+-])(\d{2}):(\d{2})(?::(\d{2}))?/.exec(name) ?? []
    const ahead = Number(hours ?? 0) * 3600 + Number(minutes ?? 0) * 60 + Number(rest ?? 0)
    return (sign === '-' ? -1 : 1) * ahead * 1000
  }
}
