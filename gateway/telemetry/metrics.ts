/** Every metric of the gateway and its workers, in Prometheus' terms. */
import { Registry } from 'prom-client'
import heap from 'prom-client/lib/metrics/heapSizeAndUsed.js'
import memory from 'prom-client/lib/metrics/osMemoryHeap.js'
import processorTime from 'prom-client/lib/metrics/processCpuTotal.js'
import mostFiles from 'prom-client/lib/metrics/processMaxFileDescriptors.js'
import openFiles from 'prom-client/lib/metrics/processOpenFileDescriptors.js'
import startTime from 'prom-client/lib/metrics/processStartTime.js'
import { SIGN_IN_TOOL_NAMES, TOOL_NAMES } from '#shared/tool-names.ts'
import { MCP_SDK_VERSION } from '#shared/version.ts'
import { FAULTS } from '#shared/worker-protocol.ts'
import { KEY_TROUBLES } from '../accounts/key-check.ts'
import { TROUBLES } from '../store/store-trouble.ts'
import { gmailFamilies } from './gmail-families.ts'
import { CALL, WAIT } from './histogram-buckets.ts'
import { httpFamilies } from './http-families.ts'
import { MetricFamilies } from './metric-families.ts'
import { sessionFamilies, workerFamilies } from './worker-families.ts'

const TOOL = [...TOOL_NAMES, ...SIGN_IN_TOOL_NAMES, 'other']

export type Metrics = ReturnType<typeof createMetrics>

/** The number of series is the same with one user and with a thousand: no label grows with users. */
export function createMetrics(build: { version: string }) {
  const registry = new Registry()
  for (const collect of OF_THE_PROCESS) collect(registry)
  const families = new MetricFamilies(registry)
  const running = {
    version: build.version,
    node_version: process.version,
    mcp_sdk: MCP_SDK_VERSION
  }
  families
    .gauge('build_info', 'What runs here.', {
      version: [running.version],
      node_version: [running.node_version],
      mcp_sdk: [running.mcp_sdk]
    })
    .set(running, 1)
  return {
    /** The text of a scrape, and its content type. */
    scrape: async () => ({ type: registry.contentType, text: await registry.metrics() }),
    nodeOutdated: families.gauge(
      'node_outdated',
      '1 when this version of Node lacks known security fixes.',
      {}
    ),
    node: nodeFamilies(families),
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
    peers: {
      requests: families.counter(
        'peer_requests_total',
        'Requests passed on to the gateway that serves them. What was lost broke off under way; of what was elsewhere or unreachable nothing was begun.',
        { result: ['answered', 'lost', 'elsewhere', 'unreachable'] }
      ),
      unreached: families.gauge(
        'peers_unreached',
        'Gateways that are alive by their leases and do not answer this one.',
        {}
      )
    },
    traceSpans: families.counter(
      'trace_spans_total',
      'Spans of traces: sent to the collector, not taken by it, or dropped here because too many waited or were of one account.',
      { result: ['sent', 'failed', 'dropped'] }
    ),
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

/**
 * Of prom-client's own only those of Prometheus' conventions, and the heap. Of the others some are named against them, some
 * get further series with time (each kind of garbage collection, of handle), and two watch the process for ever, once
 * for each registry: the event loop, which has metrics of ours, and the collector.
 */
const OF_THE_PROCESS = [processorTime, startTime, memory, openFiles, mostFiles, heap]

const nodeFamilies = (families: MetricFamilies) => ({
  lag: families.gauge(
    'event_loop_lag_seconds',
    'How late the gateway’s event loop was since the last scrape.',
    { stat: ['p50', 'p99', 'max'] }
  ),
  utilization: families.gauge(
    'event_loop_utilization_ratio',
    'The share of its time that the gateway’s event loop was busy since the last scrape.',
    {}
  ),
  accepting: families.gauge(
    'accepting',
    '1 while new calls are taken; 0 when an operator drained this gateway, or it stops.',
    {}
  ),
  isolation: families.gauge('isolation', 'What keeps workers apart here (1).', {
    mode: ['namespaces', 'uids', 'none']
  }),
  isolationMissing: families.gauge(
    'isolation_missing',
    'Layers of the walls that do not hold here; `/ready` names them.',
    {}
  )
})

const storeFamilies = (families: MetricFamilies) => ({
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
