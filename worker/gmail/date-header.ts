/** Hours east of UTC of the zone names that mail programs write: RFC 5322, section 4.3, and those that mean one thing. */
const ZONES: Readonly<Record<string, number>> = {
  ...{ UT: 0, UTC: 0, GMT: 0, Z: 0, WET: 0 },
  ...{ EST: -5, EDT: -4, CST: -6, CDT: -5, MST: -7, MDT: -6, PST: -8, PDT: -7 },
  ...{ AKST: -9, AKDT: -8, HST: -10, BRT: -3, ART: -3 },
  ...{ BST: 1, WEST: 1, CET: 1, CEST: 2, MET: 1, MEST: 2, MEZ: 1, MESZ: 2, EET: 2, EEST: 3 },
  ...{ MSK: 3, MSD: 4, SAST: 2, EAT: 3, PKT: 5, HKT: 8, SGT: 8, AWST: 8, JST: 9, KST: 9 },
  ...{ ACST: 9.5, AEST: 10, AEDT: 11, NZST: 12, NZDT: 13 }
}
const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const RFC_5322 =
  /^(?:\p{L}+\.?\s*,?\s*)?(\d{1,2})[\s-]+(\p{L}{3})\p{L}*\.?[\s-]+(\d{2,4})\s+(\d{1,2})\s*[:.]\s*(\d{2})(?:\s*[:.]\s*(\d{2})(?:\.\d+)?)?\s*([+-]?\d{4}|[+-]\d{2}:\d{2}|(?:GMT|UTC)[+-]\d{2}:?\d{2}|[A-Z]{1,5})$/iu
const ISO_8601 = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?\s*(Z|[+-]\d{2}:?\d{2})$/i

/**
 * The time that a `Date` header means, in milliseconds; undefined when it does not say so for certain: without a zone,
 * with a name of a zone that is unknown, or in another language. Comments are passed over, also nested ones.
 */
export function parseDateHeader(value: string): number | undefined {
  const written = withoutComments(value.slice(0, 200)).replace(/\s+/g, ' ').trim()
  if (ISO_8601.test(written)) return finite(Date.parse(written.replace(' ', 'T')))
  const [, day, month = '', year = '', hour, minute, second = '0', zone = ''] =
    RFC_5322.exec(written) ?? []
  const index = MONTHS.indexOf(month.toLowerCase())
  const offset = offsetMs(zone)
  if (index === -1 || offset === undefined) return undefined
  const [d, h, m, s] = [Number(day), Number(hour), Number(minute), Number(second)]
  // Other days run over into the next month.
  const isDay = d >= 1 && new Date(Date.UTC(fullYear(year), index, d)).getUTCDate() === d
  if (!isDay || h > 24 || m > 59 || s > 60) return undefined
  return finite(Date.UTC(fullYear(year), index, d, h, m, s) - offset)
}

/** RFC 5322, section 4.3: two digits below 50 are this century's, others and three digits are 1900's. */
function fullYear(year: string): number {
  const number = Number(year)
  if (year.length >= 4) return number
  return number + (year.length === 2 && number < 50 ? 2000 : 1900)
}

function offsetMs(zone: string): number | undefined {
  const numeric = /^(?:GMT|UTC)?([+-]?)(\d{2}):?(\d{2})$/i.exec(zone)
  if (!numeric) {
    const hours = ZONES[zone.toUpperCase()]
    return hours === undefined ? undefined : hours * 3_600_000
  }
  const [, sign, hours, minutes] = numeric
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000
}

function withoutComments(value: string): string {
  if (!/[()]/.test(value)) return value
  let kept = ''
  let depth = 0
  for (const character of value) {
    if (character === '(') depth += 1
    else if (character === ')') depth = Math.max(0, depth - 1)
    else if (depth === 0) kept += character
  }
  return kept
}

const finite = (time: number): number | undefined => (Number.isFinite(time) ? time : undefined)
