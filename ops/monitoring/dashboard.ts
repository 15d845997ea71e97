/** The Grafana dashboard, row by row. */

interface Panel {
  readonly title: string
  readonly unit: 'short' | 's' | 'bytes' | 'percentunit' | 'ops' | 'Bps'
  /** A query each, with the legend of its series. */
  readonly queries: Readonly<Record<string, string>>
  readonly kind?: 'stat'
}

const SCOPE = 'job=~"$job",instance=~"$instance"'

/** The series of a metric of ours, with further labels. */
const of = (metric: string, labels = ''): string =>
  `${metric}{${[SCOPE, labels].filter((part) => part !== '').join(',')}}`
const rate = (metric: string, labels = ''): string =>
  `rate(${of(metric, labels)}[$__rate_interval])`
const sumOf = (by: string, metric: string, labels = ''): string =>
  `sum by (${by}) (${rate(metric, labels)})`
const p = (quantile: number, metric: string, by = ''): string =>
  `histogram_quantile(${quantile}, sum by (le${by && `, ${by}`}) (${rate(`${metric}_bucket`)}))`

const ROWS: Readonly<Record<string, readonly Panel[]>> = {
  'Service levels': [
    {
      title: 'Calls that do not fail by our fault',
      unit: 'percentunit',
      kind: 'stat',
      queries: {
        availability: `1 - sum(${rate('gmail_mcp_calls_total', 'outcome="server"')}) / sum(${rate('gmail_mcp_calls_total')})`
      }
    },
    {
      title: 'Calls whose overhead is 3 ms at most',
      unit: 'percentunit',
      kind: 'stat',
      queries: {
        share: `sum(${rate('gmail_mcp_proxy_overhead_seconds_bucket', 'le="0.003"')}) / sum(${rate('gmail_mcp_proxy_overhead_seconds_count')})`
      }
    },
    {
      title: 'Sessions brought back',
      unit: 'percentunit',
      kind: 'stat',
      queries: {
        share: `sum(${rate('gmail_mcp_session_resumes_total', 'result="ok"')}) / sum(${rate('gmail_mcp_session_resumes_total')})`
      }
    },
    {
      title: 'Misroutes blocked',
      unit: 'short',
      kind: 'stat',
      queries: { misroutes: `sum(${of('gmail_mcp_misroutes_blocked_total')})` }
    }
  ],
  Calls: [
    {
      title: 'Calls by outcome',
      unit: 'ops',
      queries: { '{{outcome}}': sumOf('outcome', 'gmail_mcp_calls_total') }
    },
    {
      title: 'Time of tool calls',
      unit: 's',
      queries: {
        p50: p(0.5, 'gmail_mcp_tool_call_duration_seconds'),
        p99: p(0.99, 'gmail_mcp_tool_call_duration_seconds')
      }
    },
    {
      title: 'Tools',
      unit: 'ops',
      queries: { '{{tool}}': `topk(10, ${sumOf('tool', 'gmail_mcp_tool_calls_total')})` }
    },
    {
      title: 'Tools that fail',
      unit: 'ops',
      queries: {
        '{{tool}} {{result}}': `topk(10, ${sumOf('tool, result', 'gmail_mcp_tool_calls_total', 'result!="ok"')} > 0)`
      }
    },
    {
      title: 'Oldest call in flight',
      unit: 's',
      queries: { '{{instance}}': of('gmail_mcp_oldest_call_seconds') }
    },
    {
      title: 'Refused',
      unit: 'ops',
      queries: {
        '{{reason}}': sumOf('reason', 'gmail_mcp_rejected_total'),
        'connection, {{reason}}': sumOf('reason', 'gmail_mcp_connections_dropped_total'),
        'token {{reason}}': sumOf('reason', 'gmail_mcp_auth_failures_total')
      }
    }
  ],
  Gateway: [
    {
      title: 'Requests',
      unit: 'ops',
      queries: {
        '{{route}} {{code}}': `${sumOf('route, code', 'gmail_mcp_http_requests_total')} > 0`
      }
    },
    {
      title: 'Overhead',
      unit: 's',
      queries: {
        p50: p(0.5, 'gmail_mcp_proxy_overhead_seconds'),
        p99: p(0.99, 'gmail_mcp_proxy_overhead_seconds')
      }
    },
    {
      title: 'Event loop',
      unit: 's',
      queries: {
        '{{instance}} {{stat}}': of('gmail_mcp_event_loop_lag_seconds', 'stat=~"p99|max"')
      }
    },
    {
      title: 'Event loop, busy',
      unit: 'percentunit',
      queries: { '{{instance}}': of('gmail_mcp_event_loop_utilization_ratio') }
    },
    {
      title: 'Requests and streams that are open',
      unit: 'short',
      queries: {
        requests: `sum(${of('gmail_mcp_http_in_flight_requests')})`,
        'streams {{kind}}': `sum by (kind) (${of('gmail_mcp_streams')})`
      }
    },
    {
      title: 'How streams end',
      unit: 'ops',
      queries: {
        '{{kind}} {{end}}': `${sumOf('kind, end', 'gmail_mcp_stream_duration_seconds_count')} > 0`
      }
    },
    {
      title: 'Bytes passed on',
      unit: 'Bps',
      queries: { '{{direction}}': sumOf('direction', 'gmail_mcp_proxied_bytes_total') }
    },
    {
      title: 'Memory and processor of the gateway',
      unit: 'short',
      queries: {
        'MiB {{instance}}': `${of('process_resident_memory_bytes')} / 1048576`,
        'cores {{instance}}': rate('process_cpu_seconds_total')
      }
    }
  ],
  Workers: [
    {
      title: 'Workers',
      unit: 'short',
      queries: {
        '{{state}}': `sum by (state) (${of('gmail_mcp_workers')})`,
        limit: `sum(${of('gmail_mcp_workers_limit')})`
      }
    },
    {
      title: 'Ends',
      unit: 'ops',
      queries: { '{{reason}}': `${sumOf('reason', 'gmail_mcp_worker_exits_total')} > 0` }
    },
    {
      title: 'Time to a ready worker',
      unit: 's',
      queries: { 'p99 {{path}}': p(0.99, 'gmail_mcp_worker_spawn_duration_seconds', 'path') }
    },
    {
      title: 'Waiting for a place',
      unit: 's',
      queries: {
        'p99 of the wait': p(0.99, 'gmail_mcp_queue_wait_seconds'),
        'people who wait': `sum(${of('gmail_mcp_queue_depth')})`
      }
    },
    {
      title: 'Memory of workers',
      unit: 'bytes',
      queries: { '{{stat}}': `max by (stat) (${of('gmail_mcp_workers_resident_memory_bytes')})` }
    },
    {
      title: 'Processor of workers, and the longest they were held up',
      unit: 'short',
      queries: {
        cores: `sum(${rate('gmail_mcp_workers_cpu_seconds_total')})`,
        'seconds late': `max(${of('gmail_mcp_worker_event_loop_lag_seconds')})`
      }
    },
    {
      title: 'Sessions',
      unit: 'short',
      queries: {
        '{{state}}': `sum by (state) (${of('gmail_mcp_sessions')})`,
        orphaned: `sum(${of('gmail_mcp_sessions_orphaned')})`
      }
    },
    {
      title: 'Sessions brought back',
      unit: 'ops',
      queries: {
        '{{cause}} {{result}}': `${sumOf('cause, result', 'gmail_mcp_session_resumes_total')} > 0`
      }
    }
  ],
  Google: [
    {
      title: 'Requests to Gmail',
      unit: 'ops',
      queries: { '{{code}}': sumOf('code', 'gmail_mcp_gmail_requests_total') }
    },
    {
      title: 'Time of requests to Gmail',
      unit: 's',
      queries: {
        p50: p(0.5, 'gmail_mcp_gmail_request_duration_seconds'),
        p99: p(0.99, 'gmail_mcp_gmail_request_duration_seconds')
      }
    },
    {
      title: 'Quota units a minute',
      unit: 'short',
      queries: { units: `sum(${rate('gmail_mcp_gmail_quota_units_total')}) * 60` }
    },
    {
      title: 'Sign-in',
      unit: 'ops',
      queries: {
        'refresh {{result}}': sumOf('result', 'gmail_mcp_oauth_refreshes_total'),
        'must sign in again': `sum(${rate('gmail_mcp_oauth_reauth_required_total')})`
      }
    }
  ],
  'What it stands on': [
    {
      title: 'Trouble of the database, and of the file of keys',
      unit: 'short',
      queries: {
        '{{kind}}': `${of('gmail_mcp_store_trouble')} > 0`,
        'keys {{kind}}': `${of('gmail_mcp_key_file_trouble')} > 0`
      }
    },
    {
      title: 'Waits for the database',
      unit: 's',
      queries: { p99: p(0.99, 'gmail_mcp_store_wait_seconds') }
    },
    {
      title: 'Leases',
      unit: 'short',
      queries: {
        '{{instance}} holds': of('gmail_mcp_lease_held'),
        lost: `sum(${rate('gmail_mcp_lease_lost_total')})`
      }
    },
    {
      title: 'Walls',
      unit: 'short',
      queries: {
        '{{instance}} {{mode}}': `${of('gmail_mcp_isolation')} > 0`,
        '{{instance}} missing': of('gmail_mcp_isolation_missing')
      }
    },
    {
      title: 'Google away',
      unit: 'short',
      queries: { '{{instance}}': of('gmail_mcp_google_away') }
    },
    {
      title: 'What runs',
      unit: 'short',
      kind: 'stat',
      queries: {
        '{{version}} on {{node_version}}': `sum by (version, node_version) (${of('gmail_mcp_build_info')})`
      }
    }
  ]
}

const WIDTH = 24
const HEIGHT = 8
const STAT_HEIGHT = 4

/** Every query of the dashboard, for whoever checks that its metrics exist. */
export const dashboardQueries = (): string[] =>
  Object.values(ROWS).flatMap((panels) => panels.flatMap(({ queries }) => Object.values(queries)))

/** The dashboard as Grafana imports it. */
export function dashboardFile(): string {
  const panels: object[] = []
  let y = 0
  for (const [title, row] of Object.entries(ROWS)) {
    panels.push({
      type: 'row',
      title,
      collapsed: false,
      gridPos: { x: 0, y, w: WIDTH, h: 1 },
      panels: []
    })
    y += 1
    const across = row.every(({ kind }) => kind === 'stat') ? 4 : 3
    const height = across === 4 ? STAT_HEIGHT : HEIGHT
    row.forEach((panel, i) => {
      const w = WIDTH / across
      const place = { x: (i % across) * w, y: y + Math.floor(i / across) * height, w, h: height }
      panels.push(panelOf(panel, place))
    })
    y += Math.ceil(row.length / across) * height
  }
  const dashboard = {
    uid: 'gmail-mcp-gateway',
    title: 'Gmail MCP gateway',
    description: 'Made by `npm run monitoring` from ops/monitoring/dashboard.ts; change it there.',
    tags: ['gmail-mcp'],
    schemaVersion: 39,
    editable: true,
    refresh: '30s',
    time: { from: 'now-6h', to: 'now' },
    templating: {
      list: [
        { name: 'datasource', type: 'datasource', query: 'prometheus', label: 'Data source' },
        variable('job', 'label_values(gmail_mcp_build_info, job)'),
        variable('instance', 'label_values(gmail_mcp_build_info{job=~"$job"}, instance)')
      ]
    },
    panels: panels.map((panel, i) => ({ id: i + 1, ...panel }))
  }
  return `${JSON.stringify(dashboard, null, 2)}\n`
}

const SOURCE = { type: 'prometheus', uid: '$datasource' }

const variable = (name: string, query: string): object => ({
  ...{ name, type: 'query', datasource: SOURCE, query, refresh: 2 },
  ...{ includeAll: true, multi: true, allValue: '.*', current: { text: 'All', value: '$__all' } }
})

const panelOf = ({ title, unit, queries, kind }: Panel, gridPos: object): object => ({
  type: kind ?? 'timeseries',
  title,
  datasource: SOURCE,
  gridPos,
  fieldConfig: { defaults: { unit, min: 0 }, overrides: [] },
  options:
    kind === 'stat'
      ? { reduceOptions: { calcs: ['lastNotNull'] } }
      : { legend: { displayMode: 'list' } },
  targets: Object.entries(queries).map(([legendFormat, expr], i) => ({
    ...{ refId: String.fromCharCode('A'.charCodeAt(0) + i), datasource: SOURCE, expr, legendFormat }
  }))
})
