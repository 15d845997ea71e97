import { CALL, LIFETIME, OVERHEAD } from './histogram-buckets.ts'
import type { MetricFamilies } from './metric-families.ts'

const ERA = { era: ['legacy', 'modern', 'none'] } as const
const STREAM = ['get', 'listen'] as const

/** Who ended an event stream: its client, this gateway for the reason named, or its worker for good. */
export const STREAM_ENDS = [
  ...(['client', 'worker', 'session', 'account', 'replaced'] as const),
  ...(['hand_over', 'shutdown', 'slow'] as const)
] as const
export type StreamEnd = (typeof STREAM_ENDS)[number]

/** What the public port does. */
export const httpFamilies = (families: MetricFamilies) => ({
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
  oldestCall: families.gauge(
    'oldest_call_seconds',
    'For how long the call is in flight that is so longest.',
    {}
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
  streamSeconds: families.histogram(
    'stream_duration_seconds',
    'How long event streams were open, by what ended them.',
    LIFETIME,
    { kind: STREAM, end: STREAM_ENDS }
  ),
  streams: families.gauge('streams', 'Event streams that clients hold open.', {
    kind: STREAM
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
      ...['rate', 'calls', 'streams', 'attempts', 'body_too_large'],
      ...['queue_full', 'capacity', 'broken', 'blocked', 'not_allowed', 'draining', 'other']
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
