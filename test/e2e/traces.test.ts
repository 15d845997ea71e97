import { readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { VERSION } from '#shared/version.ts'
import { userHash } from '../../gateway/telemetry/events.ts'
import { startSandbox } from '../../ops/sandbox/sandbox.ts'
import {
  call,
  messageOf,
  modernCall,
  openSession,
  send,
  textOf,
  until
} from '../helpers/mcp-http.ts'
import { type CollectedSpan, startCollector } from '../helpers/trace-collector.ts'

const ADA = 'ada@sandbox.example'
const TRACE = '0af7651916cd43dd8448eb211c80319c'
const CALLER = 'b7ad6b7169203331'
/** Everything that a span may say. */
const KEYS = [
  ...['http.request.method', 'http.route', 'http.response.status_code', 'url.scheme'],
  ...['url.template', 'http.request.resend_count', 'server.address', 'server.port'],
  ...['mcp.method.name', 'mcp.protocol.version', 'mcp.session.id', 'network.transport'],
  ...['gen_ai.operation.name', 'gen_ai.tool.name', 'rpc.response.status_code', 'error.type'],
  ...['enduser.pseudo.id', 'gmail_mcp.worker', 'gmail_mcp.fault', 'gmail_mcp.tool.error']
]

const loaded: string[] = []
registerHooks({
  resolve(specifier, context, next) {
    // prom-client looks for the API's current span by itself; there is none.
    const isOurs = !context.parentURL?.includes('/node_modules/prom-client/')
    if (specifier.startsWith('@opentelemetry/') && isOurs) loaded.push(specifier)
    return next(specifier, context)
  }
})

/** A gateway whose one person is Ada, and a collector. `settings` gets the collector's address. */
async function build(
  t: Test,
  settings: (endpoint: string) => Readonly<Record<string, string>> = (endpoint) => ({
    OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
    OTEL_BSP_SCHEDULE_DELAY: '20'
  }),
  answer?: () => number | 'hang'
) {
  const google = await startSandbox({ users: [{ email: ADA, empty: true }] })
  const collector = await startCollector(answer)
  const logFile = join(t.testdir(), 'log')
  const { startGateway } = await import('../helpers/start-gateway.ts')
  const gateway = await startGateway({
    ...{ google, logFile },
    settings: { LOG_LEVEL: 'info', ...settings(collector.endpoint) }
  })
  t.teardown(async () => {
    await gateway.close()
    await google.close()
    await collector.close()
  })
  const { spans } = collector
  return {
    ...{ google, collector, gateway },
    log: () => readFileSync(logFile, 'utf8'),
    /** The spans of one trace, once that of its HTTP request has come, the last of them. */
    async trace(traceId: string) {
      const ofTrace = () => spans.filter((span) => span.traceId === traceId)
      await until(() => ofTrace().some(({ name }) => name === 'POST /mcp'))
      return ofTrace()
    },
    named(name: string, among: readonly CollectedSpan[] = spans): CollectedSpan {
      const [only, ...others] = among.filter((span) => span.name === name)
      if (!only || others.length > 0)
        throw new Error(`${name} is not one of ${among.map((span) => span.name)}`)
      return only
    }
  }
}

t.test('nothing of OpenTelemetry is loaded unless it is asked for', async (t) => {
  const unasked = {
    nothing: () => ({}),
    disabled: (url: string) => ({ OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_SDK_DISABLED: 'true' }),
    none: (url: string) => ({ OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_TRACES_EXPORTER: 'none' }),
    'another protocol': (url: string) => ({
      OTEL_EXPORTER_OTLP_ENDPOINT: url,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc'
    })
  }
  for (const [what, settings] of Object.entries(unasked)) {
    await t.test(what, async (t) => {
      const { gateway } = await build(t, settings)
      const session = await openSession(gateway)
      const answer = await send(gateway, { session, body: call('get_profile') })
      t.match(textOf(await messageOf(answer)), ADA)
      t.same(loaded, [])
    })
  }
  await t.test('asked for', async (t) => {
    await build(t)
    t.match(loaded.join(), '@opentelemetry/sdk-trace', 'this test would notice')
  })
})

t.test('a call is one trace, from its caller to Gmail', async (t) => {
  const { google, collector, gateway, log, trace, named } = await build(t)
  const session = await openSession(gateway)
  const { id: messageId } = google.mailbox(ADA).deliver({
    from: 'Bea <canarysender@elsewhere.example>',
    subject: 'About canarysubject',
    text: 'The word is canarybody.'
  })
  const use = async (traceId: string, name: string, args: object) => {
    const headers = {
      traceparent: `00-${traceId}-${CALLER}-01`,
      tracestate: 'canary=state',
      baggage: 'canary=baggage',
      'mcp-protocol-version': '2025-11-25',
      'user-agent': 'canaryagent'
    }
    const answer = await send(gateway, { session, body: call(name, args, 'canaryid'), headers })
    return messageOf(answer)
  }

  t.test('who is beneath whom, and what it is called', async (t) => {
    t.match(textOf(await use(TRACE, 'read_email', { messageId })), 'canarybody')
    const spans = await trace(TRACE)
    const http = named('POST /mcp', spans)
    const tool = named('tools/call read_email', spans)
    const gmail = spans.filter(({ kind }) => kind === 3)
    t.equal(http.parentId, CALLER)
    t.equal(tool.parentId, http.spanId)
    t.ok(gmail.length > 0)
    for (const { parentId } of gmail) t.equal(parentId, tool.spanId)
    t.equal(spans.length, 2 + gmail.length)
    t.same([http.kind, tool.kind], [2, 2])
    t.match(http.attributes, {
      'http.request.method': 'POST',
      'http.route': '/mcp',
      'http.response.status_code': 200,
      'url.scheme': 'http',
      'server.address': 'localhost',
      'enduser.pseudo.id': userHash(google.users[0]?.sub ?? '')
    })
    t.match(tool.attributes, {
      'mcp.method.name': 'tools/call',
      'gen_ai.tool.name': 'read_email',
      'gen_ai.operation.name': 'execute_tool',
      'mcp.protocol.version': '2025-11-25',
      'mcp.session.id': /^s-/,
      'gmail_mcp.worker': /^w-/,
      'network.transport': 'tcp'
    })
    t.match(named('GET /gmail/v1/users/{userId}/messages/{id}', spans).attributes, {
      'http.request.method': 'GET',
      'url.template': '/gmail/v1/users/{userId}/messages/{id}',
      'http.response.status_code': 200,
      'server.address': new URL(google.url).hostname,
      'server.port': Number(new URL(google.url).port)
    })
    for (const span of gmail) t.ok(tool.from <= span.from && span.to <= tool.to, span.name)
    t.ok(http.from <= tool.from && tool.to <= http.to)
    t.notOk(spans.some(({ isError }) => isError))
    t.same(collector.resources[0], { 'service.name': 'gmail-mcp', 'service.version': VERSION })
  })

  t.test('a call that its caller does not name is named, as in the log', async (t) => {
    const body = call('read_email', { messageId: '18c0ffee18c0ffee' })
    const answer = await send(gateway, { session, body })
    t.ok((await messageOf(answer)).result?.isError)
    const id = answer.headers.get('x-request-id') ?? ''
    await until(() => log().includes(id))
    const [line = ''] = log()
      .split('\n')
      .filter((one) => one.includes(id))
    const spans = await trace(JSON.parse(line).trace)
    t.equal(named('POST /mcp', spans).parentId, '')
    const tool = named('tools/call read_email', spans)
    t.ok(tool.isError)
    t.match(tool.attributes, {
      'error.type': 'tool_error',
      'gmail_mcp.tool.error': 'not_found',
      'gmail_mcp.fault': 'client'
    })
  })

  t.test('Gmail’s failure is marked where it was, and each try has a span', async (t) => {
    google.faults.inject({ kind: '503', match: { method: 'getProfile' }, times: 1 })
    const traceId = TRACE.replace('0a', '0b')
    t.notOk((await use(traceId, 'get_profile', {})).result?.isError)
    const spans = await trace(traceId)
    const tries = spans.filter(({ name }) => name === 'GET /gmail/v1/users/{userId}/profile')
    t.same(
      tries.map(({ isError, attributes }) => [
        isError,
        attributes['http.response.status_code'],
        attributes['http.request.resend_count'],
        attributes['error.type']
      ]),
      [
        [true, 503, undefined, '503'],
        [false, 200, 1, undefined]
      ]
    )
    t.notOk(named('tools/call get_profile', spans).isError, 'the call went well in the end')
  })

  t.test('what is no tool, and a tool that is none', async (t) => {
    const traceId = TRACE.replace('0a', '0c')
    const headers = { traceparent: `00-${traceId}-${CALLER}-01` }
    const body = { jsonrpc: '2.0', id: 1, method: 'tools/list' }
    await (await send(gateway, { session, body, headers })).text()
    t.equal(named('tools/list', await trace(traceId)).isError, false)
    const other = TRACE.replace('0a', '0d')
    await use(other, 'canarytool', {})
    const failed = named('tools/call other', await trace(other))
    t.ok(failed.isError)
    t.match(failed.attributes, { 'error.type': '-32602', 'rpc.response.status_code': '-32602' })
  })

  t.test('a younger client says its trace in the message', async (t) => {
    const traceId = TRACE.replace('0a', '0e')
    const { body, headers } = modernCall('get_profile')
    const { _meta: meta } = body.params as { _meta: object }
    const params = { ...body.params, _meta: { ...meta, traceparent: `00-${traceId}-${CALLER}-01` } }
    await (await send(gateway, { body: { ...body, params }, headers })).text()
    const spans = await trace(traceId)
    t.equal(named('POST /mcp', spans).parentId, CALLER)
    t.equal(named('tools/call get_profile', spans).attributes['mcp.protocol.version'], '2026-07-28')
  })

  t.test('a caller that records nothing is heeded', async (t) => {
    const traceId = TRACE.replace('0a', '0f')
    const headers = { traceparent: `00-${traceId}-${CALLER}-00` }
    await (await send(gateway, { session, body: call('get_profile'), headers })).text()
    await use(TRACE.replace('0a', '1a'), 'get_profile', {}) // came later, is there
    await trace(TRACE.replace('0a', '1a'))
    t.notOk(collector.spans.some((span) => span.traceId === traceId))
  })

  t.test('a span says what it may, and nothing private', async (t) => {
    const link = await use(TRACE, 'search_emails', { query: 'canarysubject' })
    t.match(textOf(link), 'canarysubject')
    await fetch(`${gateway.origin}/attachments/canaryticket`)
    await fetch(`${gateway.origin}/account?canary=query`)
    await until(() => collector.spans.some(({ name }) => name === 'GET /attachments/:ticket'))
    await until(() => collector.spans.some(({ name }) => name === 'GET /account'))
    const keys = new Set(collector.spans.flatMap(({ attributes }) => Object.keys(attributes)))
    t.same(
      [...keys].filter((key) => !KEYS.includes(key)),
      []
    )
    t.ok(keys.size > 15)
    const said = JSON.stringify(collector.spans.map(({ name, attributes }) => [name, attributes]))
    t.notMatch(said, '@')
    const all = Buffer.concat(collector.bodies).toString('latin1')
    const secrets = [session, gateway.token, google.users[0]?.sub ?? '', messageId, ADA]
    for (const secret of [...secrets, 'canary']) t.notOk(all.includes(secret), secret)
  })
})

for (const [what, answer] of [
  ['hangs', () => 'hang' as const],
  ['refuses', () => 503]
] as const) {
  t.test(`a collector that ${what} costs nobody a call, and little memory`, async (t) => {
    const { gateway, log } = await build(
      t,
      (url) => ({
        OTEL_EXPORTER_OTLP_ENDPOINT: url,
        OTEL_BSP_SCHEDULE_DELAY: '10',
        OTEL_BSP_EXPORT_TIMEOUT: '300',
        OTEL_BSP_MAX_QUEUE_SIZE: '20'
      }),
      answer
    )
    const session = await openSession(gateway)
    for (let n = 0; n < 30; n += 1) {
      const answer = await send(gateway, { session, body: call('get_profile') })
      t.notOk((await messageOf(answer)).result?.isError)
    }
    const count = async (result: string): Promise<number> => {
      const form = new RegExp(`^gmail_mcp_trace_spans_total\\{result="${result}"\\} (\\d+)$`, 'm')
      return Number(form.exec(await gateway.metrics())?.[1])
    }
    await until(async () => (await count('failed')) > 0)
    t.ok((await count('dropped')) > 0, 'what has no place is dropped')
    t.equal(await count('sent'), 0)
    t.equal(log().match(/does not take traces/g)?.length, 1, 'told once')
    await gateway.close() // its end waits a little, not for ever
  })
}
