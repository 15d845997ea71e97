/** What is promised of the service, and when the promise is being spent too fast. */
import type { Alert } from './alert.ts'
import type { RuleTimes } from './times.ts'

export interface ServiceLevel {
  readonly name: string
  /** For the name of its series. */
  readonly slug: string
  /** The share that may be bad. */
  readonly budget: number
  /** What is bad, and all there is, by `job`; `of` is `rate` or `increase` with its range. */
  bad(of: (series: string) => string): string
  all(of: (series: string) => string): string
  readonly fast: 'page' | 'ticket'
  readonly promise: string
}

const sum = (series: string): string => `sum by (job) (${series})`

export const SERVICE_LEVELS: readonly ServiceLevel[] = [
  {
    name: 'Availability',
    slug: 'calls',
    budget: 0.001,
    bad: (of) => sum(of('gmail_mcp_calls_total{outcome="server"}')),
    all: (of) => sum(of('gmail_mcp_calls_total')),
    fast: 'page',
    promise: '99.9 % of the calls do not fail by the fault of this service'
  },
  {
    name: 'Overhead',
    slug: 'overhead',
    budget: 0.01,
    bad: (of) =>
      `(${sum(of('gmail_mcp_proxy_overhead_seconds_count'))} - ${sum(of('gmail_mcp_proxy_overhead_seconds_bucket{le="0.003"}'))})`,
    all: (of) => sum(of('gmail_mcp_proxy_overhead_seconds_count')),
    fast: 'ticket',
    promise: 'the gateway adds 3 ms at most to 99 % of the calls'
  },
  {
    name: 'Resume',
    slug: 'resumes',
    budget: 0.01,
    bad: (of) => sum(of('gmail_mcp_session_resumes_total{result="failed"}')),
    all: (of) => sum(of('gmail_mcp_session_resumes_total')),
    fast: 'page',
    promise: '99 % of the sessions that have to be brought back are'
  }
]

/**
 * The windows and speeds of Google's SRE Workbook, chapter 5, "Multiwindow, Multi-Burn-Rate Alerts": the long window says that
 * it matters, the short one that it goes on.
 */
const FAST = [
  { long: '1h', short: '5m', speed: 14.4 },
  { long: '6h', short: '30m', speed: 6 }
] as const
const SLOW = [
  { long: '1d', short: '2h', speed: 3 },
  { long: '3d', short: '6h', speed: 1 }
] as const
const WINDOWS = [...FAST, ...SLOW].flatMap(({ long, short }) => [long, short])

/** Where few call, one failure is a large share: so many are wanted before anybody is woken. */
const LEAST_BAD = 5

const ratioOf = ({ slug }: ServiceLevel, window: string): string =>
  `job:gmail_mcp_${slug}:bad_ratio_rate${window}`

export interface Recording {
  readonly record: string
  readonly expr: string
}

/** The share that is bad, for each window. */
export const recordingsOf = (level: ServiceLevel, { range }: RuleTimes): Recording[] =>
  [...new Set(WINDOWS)].map((window) => {
    const rate = (series: string): string => `rate(${series}[${range(window)}])`
    return {
      record: ratioOf(level, window),
      expr: `${level.bad(rate)} / ${level.all(rate)}`
    }
  })

/** An alert for a budget that is gone in hours or a few days, and one for what is gone before the month is over. */
export const burnAlerts = (level: ServiceLevel): Alert[] => [
  burnAlert(level, 'Fast', FAST, level.fast),
  burnAlert(level, 'Slow', SLOW, 'ticket')
]

function burnAlert(
  level: ServiceLevel,
  speed: 'Fast' | 'Slow',
  windows: typeof FAST | typeof SLOW,
  severity: Alert['severity']
): Alert {
  return {
    name: `GmailMcp${level.name}Burns${speed}`,
    severity,
    hold: '2m',
    summary: `Too many failures for this to hold: ${level.promise}.`,
    expr: ({ range }) =>
      windows
        .map(({ long, short, speed: factor }) => {
          const limit = Number((factor * level.budget).toFixed(6))
          const count = level.bad((series) => `increase(${series}[${range(long)}])`)
          return `(${ratioOf(level, long)} > ${limit} and ${ratioOf(level, short)} > ${limit} and ${count} >= ${LEAST_BAD})`
        })
        .join(' or ')
  }
}
