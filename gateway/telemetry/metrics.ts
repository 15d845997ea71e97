/** Every metric of the gateway and its workers, in Prometheus' terms. */
import { collectDefaultMetrics, Registry } from 'prom-client'
import { FAULTS } from '#shared/channel.ts'
import { GMAIL_METHODS } from '#shared/gmail-methods.ts'
import { SIGN_IN_TOOL_NAMES, TOOL_NAMES } from '#shared/tool-names.ts'
import { KEY_TROUBLES } from '../accounts/key-check.ts'
import { TROUBLES } from '../store/store-trouble.ts'
import { Families } from './family.ts'

const OVERHEAD = [0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.1, 1]
const SPAWN = [0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30]
const CALL = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120]
const WAIT = [0.001, 0.005, 0.025, 0.1, 0.5, 1, 2.5, 5, 10]
const LIFETIME = [1, 60, 600, 3600, 21_600, 86_400, 604_800]

const ERA = { era: ['legacy', 'modern', 'none'] } as const
const TOOL = [...TOOL_NAMES, ...SIGN_IN_TOOL_NAMES, 'other']
const GMAIL_METHOD = [...GMAIL_METHODS, 'other']

export type Metrics = ReturnType<typeof createMetrics>

/** The number of series is the same with one user and with a thousand: no label grows with users. */
export function createMetrics(build: { version: string }) {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const families = new Families(registry)
  families
    .gauge('build_info', 'What runs here.', {
      version: [build.version],
      node_version: [process.version]
    })
    .set({ version: build.version, node_version: process.version }, 1)
  return {
    /** The text of a scrape, and its content type. */
    scrape: async () => ({ type: registry.contentType, text: await registry.metrics() }),
    nodeOutdated: families.gauge(
      'node_outdated',
      '1 when this version of Node lacks known security fixes.',
      {}
    ),
    http: httpFamilies(families),
    calls: families.counter(
      'calls_total',
      'Calls of JSON-RPC by what became of them: well, or failed by the fault of who called, of Gmail, or of this service.',
      { outcome: ['ok', ...FAULTS] }
    ),
    workers: workerFamilies(families),
    sessions: sessionFamilies(families),
    gmail: gmailFamilies(families),
    tools: {
      calls: families.counter('tool_calls_total', 'Tool calls by result.', {
        tool: TOOL,
        result: ['ok', ...FAULTS, 'cancelled']
      }),
      seconds: families.histogram('tool_call_duration_seconds', 'Time of tool calls.', CALL, {
        tool: TOOL
      })
    },
    leases: {
      held: families.gauge('lease_held', 'Accounts whose worker this gateway may run now.', {}),
      operations: families.counter('lease_operations_total', 'Leases asked for and given back.', {
        op: ['acquire', 'release'],
        result: ['ok', 'held', 'left', 'failed']
      }),
      lost: families.counter('lease_lost_total', 'Leases that another gateway took over.', {}),
      fenced: families.counter(
        'lease_fenced_total',
        'Tokens and sessions refused to a worker whose lease was another gateway’s.',
        {}
      )
    },
    auditLost: families.counter(
      'audit_lost_total',
      'Entries of the audit that were lost, because the database could not be written for long or too many came.',
      {}
    ),
    store: storeFamilies(families),
    keyFileTrouble: families.gauge(
      'key_file_trouble',
      'Whether SECRETS_FILE has this trouble now (1).',
      { kind: KEY_TROUBLES }
    ),
    clockSteps: families.counter('clock_steps_total', 'Steps of the wall clock, over 2 s each.', {
      direction: ['forward', 'back']
    }),
    admin: families.counter('admin_actions_total', 'Changes made through the admin API.', {
      action: [
        ...['end_session', 'end_sessions', 'stop_worker', 'kill_calls', 'block', 'unblock'],
        ...['revoke_client', 'revoke_token', 'erase', 'drain', 'undrain', 'recycle', 'reload']
      ],
      result: ['ok', 'not_found']
    })
  }
}

const storeFamilies = (families: Families) => ({
  errors: families.counter('store_errors_total', 'Statements that failed because of the store.', {
    kind: TROUBLES
  }),
  trouble: families.gauge('store_trouble', 'Whether the store has this trouble now (1).', {
    kind: TROUBLES
  }),
  waitSeconds: families.histogram(
    'store_wait_seconds',
    'Time that a statement waited for the lock of another program.',
    WAIT,
    {}
  )
})

const httpFamilies = (families: Families) => ({
  requests: families.counter('http_requests_total', 'Requests answered.', {
    route: ['mcp', 'oauth', 'well_known', 'health', 'other'],
    method: ['GET', 'POST', 'DELETE', 'other'],
    code: ['2xx', '3xx', '4xx', '5xx'],
    ...ERA
  }),
  seconds: families.histogram(
    'http_request_duration_seconds',
    'Time to the end of the answer.',
    CALL,
    {
      route: ['mcp', 'oauth', 'well_known', 'health', 'other'],
      ...ERA
    }
  ),
  inFlight: families.gauge('http_in_flight_requests', 'Requests being served.', {}),
  overhead: families.histogram(
    'proxy_overhead_seconds',
    'What the gateway adds before it forwards a request, without the wait for a worker.',
    OVERHEAD,
    {}
  ),
  bytes: families.counter('proxied_bytes_total', 'Bytes of MCP bodies passed on.', {
    direction: ['in', 'out']
  }),
  streams: families.gauge('streams', 'Event streams that clients hold open.', {
    kind: ['get', 'listen']
  }),
  stalledReaders: families.counter(
    'stalled_readers_total',
    'Connections cut off because their client took nothing of what waited for it.',
    {}
  ),
  dropped: families.counter(
    'connections_dropped_total',
    'Connections closed at once: too many in all, or from one address.',
    { reason: ['limit', 'address'] }
  ),
  heldBytes: families.gauge(
    'answers_held_bytes',
    'Bytes of answers that wait for clients that read slowly.',
    {}
  ),
  rejected: families.counter('rejected_total', 'Requests refused before they reached a worker.', {
    reason: [
      'rate',
      'streams',
      'queue_full',
      'capacity',
      'blocked',
      'body_too_large',
      'draining',
      'other'
    ]
  }),
  authFailures: families.counter('auth_failures_total', 'Requests without a valid bearer token.', {
    reason: ['missing', 'invalid']
  }),
  idCollisions: families.counter(
    'jsonrpc_id_collisions_total',
    'Calls that came with the JSON-RPC id of another one in flight of the same session. They are kept apart.',
    {}
  ),
  misroutesBlocked: families.counter(
    'misroutes_blocked_total',
    'Reports of a worker about a request of another worker. Above 0 is a bug.',
    {}
  )
})

const workerFamilies = (families: Families) => ({
  queueDepth: families.gauge('queue_depth', 'Accounts whose worker waits for a place.', {}),
  queueSeconds: families.histogram(
    'queue_wait_seconds',
    'Time a start waited for a place.',
    SPAWN,
    {}
  ),
  byPhase: families.gauge('workers', 'Workers by phase.', {
    state: ['warm', 'starting', 'ready', 'draining', 'resting', 'broken']
  }),
  limit: families.gauge('workers_limit', 'Most workers allowed at once.', {}),
  spawnSeconds: families.histogram(
    'worker_spawn_duration_seconds',
    'Time to a ready worker.',
    SPAWN,
    {
      path: ['cold', 'warm'],
      result: ['ok', 'failed']
    }
  ),
  exits: families.counter('worker_exits_total', 'Workers that ended.', {
    reason: [
      ...['idle', 'age', 'crash', 'oom', 'hung', 'admin', 'drain', 'blocked', 'upgrade'],
      ...['lease_lost', 'signed_in', 'spawn_failed', 'other']
    ]
  }),
  reaped: families.counter(
    'orphans_reaped_total',
    'Workers of a dead gateway that were found alive at the start, and ended.',
    {}
  ),
  lifetime: families.histogram('worker_lifetime_seconds', 'How long workers lived.', LIFETIME, {}),
  resident: families.gauge('workers_resident_memory_bytes', 'Resident memory of workers.', {
    stat: ['sum', 'max']
  })
})

/** Of clients up to MCP 2025-11-25; a later one has no session. */
const sessionFamilies = (families: Families) => ({
  byState: families.gauge('sessions', 'Legacy sessions.', {
    era: ['legacy'],
    state: ['live', 'hibernated']
  }),
  started: families.counter('sessions_started_total', 'Sessions opened.', {
    era: ['legacy'],
    client: ['claude', 'chatgpt', 'codex', 'cursor', 'vscode', 'inspector', 'other']
  }),
  ended: families.counter('sessions_ended_total', 'Sessions ended.', {
    reason: ['client', 'admin', 'account', 'expired', 'limit', 'abandoned', 'elsewhere']
  }),
  seconds: families.histogram(
    'session_duration_seconds',
    'How long sessions lasted.',
    LIFETIME,
    {}
  ),
  resumes: families.counter('session_resumes_total', 'Sessions brought back into a worker.', {
    cause: ['crash', 'hibernation', 'deploy', 'migration'],
    result: ['ok', 'failed']
  }),
  resumeSeconds: families.histogram(
    'session_resume_duration_seconds',
    'Time to bring one back.',
    SPAWN,
    {}
  )
})

const gmailFamilies = (families: Families) => ({
  requests: families.counter('gmail_requests_total', 'Requests to Gmail.', {
    method: GMAIL_METHOD,
    code: ['2xx', '4xx', '429', '5xx', 'network', 'other']
  }),
  seconds: families.histogram(
    'gmail_request_duration_seconds',
    'Time of requests to Gmail.',
    CALL,
    {
      method: GMAIL_METHOD
    }
  ),
  units: families.counter('gmail_quota_units_total', 'Gmail quota units spent.', {
    method: GMAIL_METHOD
  }),
  throttled: families.counter('gmail_throttled_total', 'Requests that had to wait.', {
    scope: ['pace', 'google']
  }),
  retries: families.counter('gmail_retries_total', 'Requests sent again.', {
    reason: ['429', '5xx', 'rate', 'network', 'other']
  }),
  deduplicated: families.counter(
    'sends_deduplicated_total',
    'Messages that were not sent again, because they had been sent before.',
    {}
  ),
  connections: families.counter(
    'gmail_connections_total',
    'Connections to Gmail that were made for workers.',
    { result: ['ok', 'failed'] }
  ),
  away: families.gauge('google_away', 'Whether Google cannot be reached now (1).', {}),
  refreshes: families.counter('oauth_refreshes_total', 'Google access tokens fetched.', {
    result: ['ok', 'needs_reauth', 'upstream', 'vault']
  }),
  reauthRequired: families.counter(
    'oauth_reauth_required_total',
    'Accounts whose grant Google no longer accepts.',
    {}
  )
})
