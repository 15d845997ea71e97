import { LIFETIME, SPAWN } from './histogram-buckets.ts'
import type { MetricFamilies } from './metric-families.ts'

/** Of worker processes. */
export const workerFamilies = (families: MetricFamilies) => ({
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
      ...['idle', 'evicted', 'age', 'crash', 'oom', 'hung', 'admin', 'drain', 'blocked', 'upgrade'],
      ...['lease_lost', 'signed_in', 'spawn_failed', 'other']
    ]
  }),
  restarts: families.counter(
    'worker_restarts_total',
    'Workers that became ready for somebody whose last one had failed.',
    {}
  ),
  offences: families.counter(
    'worker_offences_total',
    'Workers that were ended for what no worker of ours does. Above 0 somebody broke in.',
    {}
  ),
  cpu: families.counter('workers_cpu_seconds_total', 'Processor time of all workers.', {}),
  lag: families.gauge(
    'worker_event_loop_lag_seconds',
    'The longest that a worker was held up, at its last heartbeat.',
    {}
  ),
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
export const sessionFamilies = (families: MetricFamilies) => ({
  byState: families.gauge('sessions', 'Legacy sessions.', {
    era: ['legacy'],
    state: ['live', 'hibernated']
  }),
  orphaned: families.gauge(
    'sessions_orphaned',
    'Sessions that nobody used for longer than SESSION_TTL and that are not collected yet.',
    {}
  ),
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
