/** What operators are told of. Each has a section in docs/runbook.md and a case in alert-cases.ts. */
import type { Alert } from './alert.ts'
import { burnAlerts, SERVICE_LEVELS } from './service-levels.ts'

const by = (labels: string, series: string): string => `sum by (${labels}) (${series})`
const one = (series: string): string => by('job, instance', series)

/** Google's default for a project made after May 2026, in quota units a minute. */
const PROJECT_UNITS_A_MINUTE = 1_200_000

const availability: readonly Alert[] = [
  {
    name: 'GmailMcpDown',
    severity: 'page',
    hold: '2m',
    summary: 'A gateway does not answer Prometheus.',
    expr: () => 'up{job=~"gmail-mcp.*"} == 0'
  },
  {
    name: 'GmailMcpNotAccepting',
    severity: 'ticket',
    hold: '15m',
    summary: 'A gateway has taken no new calls for 15 minutes: it was drained and forgotten.',
    expr: () => 'gmail_mcp_accepting == 0'
  },
  {
    name: 'GmailMcpCallStuck',
    severity: 'ticket',
    hold: '1m',
    summary: 'A call has been in flight for more than two minutes.',
    expr: () => 'gmail_mcp_oldest_call_seconds > 120'
  },
  {
    name: 'GmailMcpLoopBlocked',
    severity: 'ticket',
    hold: '0s',
    summary: 'Something held the whole gateway up for more than a second.',
    expr: ({ range }) =>
      `max_over_time(gmail_mcp_event_loop_lag_seconds{stat="max"}[${range('10m')}]) > 1`
  }
]

const safety: readonly Alert[] = [
  {
    name: 'GmailMcpMisrouteBlocked',
    severity: 'page',
    hold: '0s',
    summary: 'A worker spoke of a request that is another one’s, and was refused.',
    expr: ({ range }) =>
      `${one(`increase(gmail_mcp_misroutes_blocked_total[${range('10m')}])`)} > 0`
  },
  {
    name: 'GmailMcpWorkerOffence',
    severity: 'page',
    hold: '0s',
    summary:
      'A worker did what no worker of ours does, and was ended. Somebody may have broken into it.',
    expr: ({ range }) => `${one(`increase(gmail_mcp_worker_offences_total[${range('10m')}])`)} > 0`
  },
  {
    name: 'GmailMcpNoWalls',
    severity: 'ticket',
    hold: '5m',
    summary: 'Nothing keeps the workers of a gateway apart.',
    expr: () => 'gmail_mcp_isolation{mode="none"} == 1'
  },
  {
    name: 'GmailMcpWrongTokens',
    severity: 'ticket',
    hold: '0s',
    summary: 'Many calls come with tokens that are wrong.',
    expr: ({ range }) =>
      `${one(`increase(gmail_mcp_auth_failures_total{reason="invalid"}[${range('10m')}])`)} > 200`
  },
  {
    name: 'GmailMcpAuditLost',
    severity: 'ticket',
    hold: '0s',
    summary: 'Entries of the audit were lost.',
    expr: ({ range }) => `${one(`increase(gmail_mcp_audit_lost_total[${range('15m')}])`)} > 0`
  },
  {
    name: 'GmailMcpNodeOutdated',
    severity: 'ticket',
    hold: '1h',
    summary: 'The Node that runs a gateway lacks known security fixes.',
    expr: () => 'gmail_mcp_node_outdated == 1'
  }
]

const workers: readonly Alert[] = [
  {
    name: 'GmailMcpWorkersFail',
    severity: 'page',
    hold: '0s',
    summary: 'Workers keep failing: {{ $labels.reason }}.',
    expr: ({ range }) =>
      `${by('job, instance, reason', `increase(gmail_mcp_worker_exits_total{reason=~"crash|oom|hung|spawn_failed"}[${range('10m')}])`)} > 5`
  },
  {
    name: 'GmailMcpWorkersNearLimit',
    severity: 'ticket',
    hold: '10m',
    summary: 'More than 90 % of the allowed workers run.',
    expr: () =>
      `${one('gmail_mcp_workers{state=~"starting|ready|draining"}')} / ${one('gmail_mcp_workers_limit')} > 0.9`
  },
  {
    name: 'GmailMcpQueueWaitLong',
    severity: 'ticket',
    hold: '5m',
    summary: 'One in a hundred people waits for more than two seconds for a worker.',
    expr: ({ range }) =>
      `histogram_quantile(0.99, ${by('job, instance, le', `rate(gmail_mcp_queue_wait_seconds_bucket[${range('10m')}])`)}) > 2`
  },
  {
    name: 'GmailMcpNoRoom',
    severity: 'page',
    hold: '2m',
    summary: 'People are turned away, because there is no room for their worker.',
    expr: ({ range }) =>
      `${one(`increase(gmail_mcp_rejected_total{reason=~"capacity|queue_full"}[${range('5m')}])`)} > 0`
  },
  {
    name: 'GmailMcpConnectionsDropped',
    severity: 'ticket',
    hold: '0s',
    summary: 'Connections were closed at once: too many are open ({{ $labels.reason }}).',
    expr: ({ range }) =>
      `${by('job, instance, reason', `increase(gmail_mcp_connections_dropped_total[${range('10m')}])`)} > 0`
  },
  {
    name: 'GmailMcpFewDescriptors',
    severity: 'ticket',
    hold: '5m',
    summary: 'A gateway has used 80 % of the files that it may open.',
    expr: () => 'process_open_fds{job=~"gmail-mcp.*"} / process_max_fds{job=~"gmail-mcp.*"} > 0.8'
  },
  {
    name: 'GmailMcpSessionsOrphaned',
    severity: 'ticket',
    hold: '1h',
    summary: 'Sessions that are over are not collected.',
    expr: () => 'gmail_mcp_sessions_orphaned > 0'
  },
  {
    name: 'GmailMcpLeasesLost',
    severity: 'ticket',
    hold: '0s',
    summary: 'Another gateway takes people away from one that still runs.',
    expr: ({ range }) => `${one(`increase(gmail_mcp_lease_lost_total[${range('15m')}])`)} > 3`
  }
]

const surroundings: readonly Alert[] = [
  {
    name: 'GmailMcpStoreTrouble',
    severity: 'page',
    hold: '0s',
    summary: 'The database is in trouble: {{ $labels.kind }}.',
    // Trouble of some seconds may begin and end between two scrapes.
    expr: ({ range }) =>
      `gmail_mcp_store_trouble == 1 or increase(gmail_mcp_store_errors_total[${range('5m')}]) > 0`
  },
  {
    name: 'GmailMcpKeyFileTrouble',
    severity: 'page',
    hold: '0s',
    summary: 'The file of keys is in trouble: {{ $labels.kind }}.',
    expr: () => 'gmail_mcp_key_file_trouble == 1'
  },
  {
    name: 'GmailMcpClockStepped',
    severity: 'ticket',
    hold: '0s',
    summary: 'The wall clock of a gateway was set: {{ $labels.direction }}.',
    expr: ({ range }) =>
      `${by('job, instance, direction', `increase(gmail_mcp_clock_steps_total[${range('15m')}])`)} > 0`
  },
  {
    name: 'GmailMcpGoogleAway',
    severity: 'page',
    hold: '1m',
    summary: 'A gateway does not reach Google.',
    expr: () => 'gmail_mcp_google_away == 1'
  },
  {
    name: 'GmailMcpGmailFails',
    severity: 'ticket',
    hold: '5m',
    summary: 'Gmail does not answer one in five requests as it should.',
    expr: ({ range }) =>
      `${by('job', `rate(gmail_mcp_gmail_requests_total{code=~"5xx|network"}[${range('10m')}])`)} / ${by('job', `rate(gmail_mcp_gmail_requests_total[${range('10m')}])`)} > 0.2`
  },
  {
    name: 'GmailMcpQuotaHigh',
    severity: 'ticket',
    hold: '5m',
    summary: 'More than 80 % of the project’s quota at Gmail is used.',
    expr: ({ range }) =>
      `${by('job', `rate(gmail_mcp_gmail_quota_units_total[${range('5m')}])`)} * 60 > ${0.8 * PROJECT_UNITS_A_MINUTE}`
  },
  {
    name: 'GmailMcpThrottled',
    severity: 'ticket',
    hold: '10m',
    summary: 'Gmail keeps asking to slow down.',
    expr: ({ range }) =>
      `${by('job', `rate(gmail_mcp_gmail_throttled_total{scope="google"}[${range('10m')}])`)} > 0.2`
  },
  {
    name: 'GmailMcpReauthWave',
    severity: 'page',
    hold: '0s',
    summary: 'Google no longer accepts the grants of many people.',
    expr: ({ range }) =>
      `${by('job', `increase(gmail_mcp_oauth_reauth_required_total[${range('1h')}])`)} > 10`
  }
]

export const ALERTS: readonly Alert[] = [
  ...SERVICE_LEVELS.flatMap(burnAlerts),
  ...availability,
  ...safety,
  ...workers,
  ...surroundings
]
