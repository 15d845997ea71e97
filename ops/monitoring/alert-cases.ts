/** For each alert, series that make it fire and resolve: what `promtool test rules` runs. */
import { stringify } from 'yaml'
import type { Alert } from './alert.ts'
import { ALERTS } from './alerts.ts'
import { HEADER, runbookOf } from './rule-file.ts'

interface AlertCase {
  /** Values as promtool has them, one a minute. */
  readonly series: Readonly<Record<string, string>>
  readonly fires: string
  readonly resolved: string
  /** Of the alert, besides its severity. */
  readonly labels: Readonly<Record<string, string>>
}

const JOB = { job: 'gmail-mcp' }
const NODE = { ...JOB, instance: 'a:9464' }
const MINUTES = 600
const BAD_MINUTES = 30

/** A counter that grows by so much a minute for so many minutes, and then rests. */
const grows = (by: number, minutes: number): string =>
  `0+${by}x${minutes} ${by * minutes}+0x${MINUTES - minutes}`

/** A gauge that has one value for so many minutes, and then another. */
const then = (first: number, minutes: number, after: number): string =>
  `${first}+0x${minutes} ${after}+0x${MINUTES - minutes}`

const of = (name: string, labels: Readonly<Record<string, string>> = {}): string => {
  const all = Object.entries({ ...NODE, ...labels }).map(([key, value]) => `${key}="${value}"`)
  return `${name}{${all.join(',')}}`
}

const gauge = (
  name: string,
  [bad, good]: readonly [number, number],
  fires: string,
  labels: Readonly<Record<string, string>> = {}
): AlertCase => ({
  series: { [of(name, labels)]: then(bad, BAD_MINUTES, good) },
  fires,
  resolved: '35m',
  labels: { ...NODE, ...labels }
})

/** A gauge that is 1 for longer than an hour. */
const lasting = (name: string): AlertCase => ({
  series: { [of(name)]: then(1, 70, 0) },
  ...{ fires: '65m', resolved: '75m', labels: NODE }
})

const counter = (
  name: string,
  by: number,
  labels: Readonly<Record<string, string>> = {},
  kept: Readonly<Record<string, string>> = {}
): AlertCase => ({
  series: { [of(name, labels)]: grows(by, 30) },
  fires: '20m',
  resolved: '50m',
  labels: { ...NODE, ...kept }
})

/** `bad` of 100 a minute for a while; resolved when the short window has passed. */
const burning = (
  bad: Readonly<Record<string, number>>,
  fires: string,
  resolved: string
): AlertCase => ({
  series: Object.fromEntries(
    Object.entries(bad).map(([series, by]) => [
      series,
      by < 0 ? `0+${-by}x${MINUTES}` : grows(by, BAD_MINUTES)
    ])
  ),
  fires,
  resolved,
  labels: JOB
})

const CALLS = { [of('gmail_mcp_calls_total', { outcome: 'ok' })]: -100 }
const RESUMES = { [of('gmail_mcp_session_resumes_total', { result: 'ok', cause: 'crash' })]: -100 }
const failedCalls = (by: number) => ({
  ...CALLS,
  [of('gmail_mcp_calls_total', { outcome: 'server' })]: by
})
const failedResumes = (by: number) => ({
  ...RESUMES,
  [of('gmail_mcp_session_resumes_total', { result: 'failed', cause: 'crash' })]: by
})
/** All calls go on; the slow ones are those that are not in the bucket of 3 ms. */
const slowCalls = (by: number): Readonly<Record<string, string>> => ({
  [of('gmail_mcp_proxy_overhead_seconds_count')]: `0+100x${MINUTES}`,
  [of('gmail_mcp_proxy_overhead_seconds_bucket', {
    le: '0.003'
  })]: `0+${100 - by}x${BAD_MINUTES} ${(100 - by) * BAD_MINUTES}+100x${MINUTES - BAD_MINUTES}`
})

const CASES: Readonly<Record<string, AlertCase>> = {
  GmailMcpAvailabilityBurnsFast: burning(failedCalls(5), '20m', '70m'),
  GmailMcpAvailabilityBurnsSlow: burning(failedCalls(1), '25m', '400m'),
  GmailMcpOverheadBurnsFast: { ...burning({}, '20m', '70m'), series: slowCalls(30) },
  GmailMcpOverheadBurnsSlow: { ...burning({}, '25m', '400m'), series: slowCalls(10) },
  GmailMcpResumeBurnsFast: burning(failedResumes(30), '20m', '70m'),
  GmailMcpResumeBurnsSlow: burning(failedResumes(10), '25m', '400m'),
  GmailMcpDown: gauge('up', [0, 1], '5m'),
  GmailMcpNotAccepting: gauge('gmail_mcp_accepting', [0, 1], '20m'),
  GmailMcpCallStuck: gauge('gmail_mcp_oldest_call_seconds', [200, 1], '5m'),
  GmailMcpLoopBlocked: {
    ...gauge('gmail_mcp_event_loop_lag_seconds', [3, 0], '5m', { stat: 'max' }),
    resolved: '45m'
  },
  GmailMcpMisrouteBlocked: counter('gmail_mcp_misroutes_blocked_total', 1),
  GmailMcpWorkerOffence: counter('gmail_mcp_worker_offences_total', 1),
  GmailMcpNoWalls: gauge('gmail_mcp_isolation', [1, 0], '10m', { mode: 'none' }),
  GmailMcpWrongTokens: counter('gmail_mcp_auth_failures_total', 50, { reason: 'invalid' }),
  GmailMcpAuditLost: counter('gmail_mcp_audit_lost_total', 1),
  GmailMcpNodeOutdated: lasting('gmail_mcp_node_outdated'),
  GmailMcpWorkersFail: counter(
    'gmail_mcp_worker_exits_total',
    2,
    { reason: 'crash' },
    { reason: 'crash' }
  ),
  GmailMcpWorkersNearLimit: {
    ...gauge('gmail_mcp_workers', [19, 5], '15m', { state: 'ready' }),
    series: {
      [of('gmail_mcp_workers', { state: 'ready' })]: then(19, BAD_MINUTES, 5),
      [of('gmail_mcp_workers_limit')]: then(20, BAD_MINUTES, 20)
    },
    labels: NODE
  },
  GmailMcpQueueWaitLong: {
    ...counter('', 0),
    series: {
      // People go on waiting, and not for long: 0 / 0 would be NaN, which is neither much nor little.
      [of('gmail_mcp_queue_wait_seconds_bucket', {
        le: '2'
      })]: `0+10x${BAD_MINUTES} ${10 * BAD_MINUTES}+20x${MINUTES - BAD_MINUTES}`,
      [of('gmail_mcp_queue_wait_seconds_bucket', { le: '5' })]: `0+20x${MINUTES}`,
      [of('gmail_mcp_queue_wait_seconds_bucket', { le: '+Inf' })]: `0+20x${MINUTES}`
    }
  },
  GmailMcpNoRoom: counter('gmail_mcp_rejected_total', 1, { reason: 'queue_full' }),
  GmailMcpConnectionsDropped: counter(
    'gmail_mcp_connections_dropped_total',
    1,
    { reason: 'limit' },
    { reason: 'limit' }
  ),
  GmailMcpFewDescriptors: {
    ...gauge('process_open_fds', [900, 100], '10m'),
    series: {
      [of('process_open_fds')]: then(900, BAD_MINUTES, 100),
      [of('process_max_fds')]: then(1024, BAD_MINUTES, 1024)
    }
  },
  GmailMcpSessionsOrphaned: lasting('gmail_mcp_sessions_orphaned'),
  GmailMcpLeasesLost: counter('gmail_mcp_lease_lost_total', 1),
  // No scrape saw more of it than what it counted; one that did is tried in test/e2e/alerts.test.ts.
  GmailMcpStoreTrouble: {
    series: {
      [of('gmail_mcp_store_errors_total', { kind: 'locked' })]: `0+0x10 3+0x${MINUTES}`,
      [of('gmail_mcp_store_trouble', { kind: 'locked' })]: `0+0x${MINUTES}`
    },
    ...{ fires: '12m', resolved: '20m', labels: { ...NODE, kind: 'locked' } }
  },
  GmailMcpKeyFileTrouble: gauge('gmail_mcp_key_file_trouble', [1, 0], '1m', { kind: 'lost' }),
  GmailMcpClockStepped: counter(
    'gmail_mcp_clock_steps_total',
    1,
    { direction: 'back' },
    { direction: 'back' }
  ),
  GmailMcpGoogleAway: gauge('gmail_mcp_google_away', [1, 0], '5m'),
  GmailMcpGmailFails: {
    ...counter('', 0),
    series: {
      [of('gmail_mcp_gmail_requests_total', { code: '5xx' })]: grows(10, 30),
      [of('gmail_mcp_gmail_requests_total', { code: '2xx' })]: `0+20x${MINUTES}`
    },
    labels: JOB
  },
  GmailMcpQuotaHigh: {
    ...counter('gmail_mcp_gmail_quota_units_total', 1_100_000, { method: 'messages.get' }),
    labels: JOB
  },
  GmailMcpThrottled: {
    ...counter('gmail_mcp_gmail_throttled_total', 60, { scope: 'google' }),
    labels: JOB
  },
  GmailMcpReauthWave: {
    ...counter('gmail_mcp_oauth_reauth_required_total', 2),
    ...{ labels: JOB, resolved: '95m' }
  }
}

/** The tests of alerts, as YAML. Throws when an alert has none. */
export function ruleTestFile(rules: string, alerts: readonly Alert[] = ALERTS): string {
  const tests = alerts.map(({ name, severity, summary }) => {
    const known = CASES[name]
    if (!known) throw new Error(`${name} has no case in alert-cases.ts`)
    const { series, fires, resolved, labels } = known
    const told = summary.replaceAll(/\{\{ \$labels\.(\w+) \}\}/g, (_, label) => labels[label] ?? '')
    return {
      name: `${name} fires and resolves`,
      interval: '1m',
      input_series: Object.entries(series).map(([key, values]) => ({ series: key, values })),
      alert_rule_test: [
        {
          eval_time: fires,
          alertname: name,
          exp_alerts: [
            {
              exp_labels: { severity, ...labels },
              exp_annotations: { summary: told, runbook_url: runbookOf(name) }
            }
          ]
        },
        { eval_time: resolved, alertname: name, exp_alerts: [] }
      ]
    }
  })
  return (
    HEADER + stringify({ rule_files: [rules], evaluation_interval: '1m', tests }, { lineWidth: 0 })
  )
}
