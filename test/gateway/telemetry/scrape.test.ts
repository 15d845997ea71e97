import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { createMetrics } from '../../../gateway/telemetry/metrics.ts'
import {
  call,
  endpointOf,
  fixtureWorker,
  killWorkerOf,
  modernCall,
  openSession,
  peopleOf,
  send,
  until
} from '../../helpers/mcp-http.ts'
import { without } from '../../helpers/prometheus-tools.ts'
import { startGateway } from '../../helpers/start-gateway.ts'

const PEOPLE = 300

/** The series of a scrape: names and labels, without values. */
const seriesOf = (scrape: string) =>
  scrape.split('\n').flatMap((line) => /^([^#\s][^\s]*(?:\{.*\})?) \S+$/.exec(line)?.[1] ?? [])

// https://prometheus.io/docs/practices/naming/, as far as `promtool check metrics` knows it.
t.test(
  'Prometheus has nothing to say against names and types',
  { skip: without('promtool') },
  async (t) => {
    const { text } = await createMetrics({ version: '1.2.3' }).scrape()
    const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], {
      input: text,
      encoding: 'utf8'
    })
    t.same([status, stdout + stderr], [0, ''])
  }
)

t.test('a scrape is as large with 300 people as with one', async (t) => {
  const settings = {
    WORKER_ENTRY: fixtureWorker('tools'),
    WORKER_LIMIT: '2',
    CALL_BURST: '20',
    CALL_RATE: '1'
  }
  const gateway = await startGateway({ settings, google: peopleOf(PEOPLE) })
  t.teardown(() => gateway.close())
  const atFirst = await gateway.metrics()
  const people = Array.from({ length: PEOPLE }, (_, i) => endpointOf(gateway, i))
  const [ann, ben, cem, dan] = people
  if (!ann || !ben || !cem || !dan) throw new Error('people are missing')

  // Everything that is counted: calls of both eras, failures, streams, ends of sessions and workers, refusals.
  const session = await openSession(ann)
  const stream = await send(ben, { method: 'GET', session: await openSession(ben) })
  t.equal(stream.status, 200)
  await killWorkerOf(gateway, ben)
  for (const me of [cem, dan]) await (await send(me, modernCall('who'))).text()
  await (await send(ann, { session, body: call('no_such_tool') })).text()
  await stream.body?.cancel()
  await (await send({ ...ann, token: 'wrong' }, modernCall('who'))).text()
  for (let i = 0; i < 25; i += 1)
    await (await send(dan, { method: 'DELETE', session: 'none' })).text()
  for (const me of people) await (await send(me, { method: 'DELETE', session: 'none' })).text()
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
  await until(async () => (await gateway.metrics()).includes('http_in_flight_requests 0'))

  const later = await gateway.metrics()
  t.same(seriesOf(later), seriesOf(atFirst), 'not one series more')
  t.notMatch(
    later,
    /@|person|10000000000000|s-[0-9a-f]{12}|w-[0-9a-f]{8}|[0-9a-f]{8}-[0-9a-f]{4}-/,
    'and nobody in it'
  )
  const numberOf = (name: string) =>
    Number(
      later
        .split('\n')
        .find((line) => line.startsWith(`${name} `))
        ?.split(' ')
        .at(-1)
    )
  t.equal(
    numberOf('gmail_mcp_worker_exits_total{reason="evicted"}') > 0,
    true,
    'who made room is told apart'
  )
  t.equal(numberOf('gmail_mcp_worker_exits_total{reason="crash"}'), 1)
  t.equal(numberOf('gmail_mcp_rejected_total{reason="rate"}') > 0, true)
  t.equal(numberOf('gmail_mcp_stream_duration_seconds_count{kind="get",end="client"}'), 1)
  t.equal(numberOf('gmail_mcp_auth_failures_total{reason="invalid"}'), 1)
  t.equal(numberOf('gmail_mcp_accepting'), 1)
  t.ok(numberOf('gmail_mcp_lease_held') >= 1)
  t.match(later, /^gmail_mcp_isolation\{mode="(namespaces|uids|none)"\} 1$/m)
})

// What operators build dashboards on: renaming one is a change that they must hear of.
t.test('every family that is promised is there', async (t) => {
  const { text } = await createMetrics({ version: '1.2.3' }).scrape()
  const families = new Set([...text.matchAll(/^# TYPE (\S+) /gm)].map(([, name]) => name))
  const promised = [
    ...[
      'http_requests_total',
      'http_request_duration_seconds',
      'http_in_flight_requests',
      'proxy_overhead_seconds'
    ],
    ...[
      'proxied_bytes_total',
      'streams',
      'stream_duration_seconds',
      'queue_depth',
      'queue_wait_seconds',
      'rejected_total'
    ],
    ...[
      'auth_failures_total',
      'jsonrpc_id_collisions_total',
      'misroutes_blocked_total',
      'event_loop_lag_seconds'
    ],
    ...[
      'event_loop_utilization_ratio',
      'workers',
      'workers_limit',
      'worker_spawn_duration_seconds',
      'worker_exits_total'
    ],
    ...[
      'worker_restarts_total',
      'worker_lifetime_seconds',
      'workers_resident_memory_bytes',
      'workers_cpu_seconds_total'
    ],
    ...[
      'worker_event_loop_lag_seconds',
      'orphans_reaped_total',
      'sessions',
      'sessions_started_total',
      'sessions_ended_total'
    ],
    ...[
      'session_duration_seconds',
      'session_resumes_total',
      'session_resume_duration_seconds',
      'sessions_orphaned'
    ],
    ...[
      'gmail_requests_total',
      'gmail_request_duration_seconds',
      'gmail_quota_units_total',
      'gmail_throttled_total'
    ],
    ...[
      'gmail_retries_total',
      'oauth_refreshes_total',
      'oauth_reauth_required_total',
      'sends_deduplicated_total'
    ],
    ...[
      'tool_calls_total',
      'tool_call_duration_seconds',
      'lease_held',
      'lease_operations_total',
      'lease_lost_total'
    ],
    ...[
      'lease_fenced_total',
      'admin_actions_total',
      'build_info',
      'calls_total',
      'oldest_call_seconds',
      'store_errors_total'
    ],
    ...[
      'store_trouble',
      'store_wait_seconds',
      'key_file_trouble',
      'isolation',
      'isolation_missing',
      'audit_lost_total'
    ],
    ...['peer_requests_total', 'peers_unreached']
  ]
  t.same(
    promised.filter((name) => !families.has(`gmail_mcp_${name}`)),
    []
  )
  const others = [...families].filter(
    (name) => !/^(gmail_mcp_|process_|nodejs_(heap_size|external))/.test(name ?? '')
  )
  t.same(others, [], 'and none that is misnamed or grows')
})

t.test('what makes metrics watches nothing by itself', async (t) => {
  // prom-client's own of the event loop and the garbage collection go on after their registry is forgotten.
  const hooks = createRequire(import.meta.url)('node:perf_hooks')
  const delays = t.capture(hooks, 'monitorEventLoopDelay')
  const observed = t.capture(hooks.PerformanceObserver.prototype, 'observe')
  createMetrics({ version: '0' })
  t.same([delays().length, observed().length], [0, 0])
})
