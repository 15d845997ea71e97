import { readFileSync } from 'node:fs'
import t from 'tap'
import { GMAIL_METHODS } from '#shared/gmail-methods.ts'
import { asUserId } from '#shared/ids.ts'
import { readTraceSettings } from '../../../gateway/config/trace-settings.ts'
import { callSpan } from '../../../gateway/telemetry/call-spans.ts'
import { gmailUrl } from '../../../gateway/telemetry/gmail-urls.ts'
import { createLog } from '../../../gateway/telemetry/log.ts'
import { createMetrics } from '../../../gateway/telemetry/metrics.ts'
import { SpanBudget } from '../../../gateway/telemetry/span-budget.ts'
import { type EndedSpan, openTraces } from '../../../gateway/telemetry/traces.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'
import { startCollector } from '../../helpers/trace-collector.ts'

const USUAL = {
  url: 'http://c.test:4318/v1/traces',
  sampler: { name: 'parentbased_always_on', ratio: 1 },
  continues: true,
  queueSize: 2048,
  batchSize: 512,
  delayMs: 5000,
  timeoutMs: 30_000
}
const AT = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c.test:4318' }

// OpenTelemetry: "Environment Variable Specification", "OpenTelemetry Protocol Exporter".
t.test('the standard variables mean what their specification says', async (t) => {
  const read = (environment: Record<string, string>) => {
    const warned: string[] = []
    return { settings: readTraceSettings(environment, (said) => warned.push(said)), warned }
  }
  const asked: [Record<string, string>, object][] = [
    [AT, {}],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c.test:4318/' }, {}],
    [
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'https://c.test/base' },
      { url: 'https://c.test/base/v1/traces' }
    ],
    [
      { ...AT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://t.test/in' },
      { url: 'http://t.test/in' }
    ],
    [{ OTEL_TRACES_EXPORTER: 'otlp' }, { url: 'http://localhost:4318/v1/traces' }],
    [{ ...AT, OTEL_SDK_DISABLED: 'yes' }, {}],
    [{ ...AT, OTEL_TRACES_EXPORTER: '' }, {}],
    [{ ...AT, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf' }, {}],
    [
      { ...AT, OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.25' },
      { sampler: { name: 'traceidratio', ratio: 0.25 } }
    ],
    [{ ...AT, OTEL_PROPAGATORS: 'b3' }, { continues: false }],
    [{ ...AT, OTEL_PROPAGATORS: 'baggage,tracecontext' }, {}],
    [
      { ...AT, OTEL_BSP_MAX_QUEUE_SIZE: '100', OTEL_BSP_SCHEDULE_DELAY: '0' },
      { queueSize: 100, batchSize: 100, delayMs: 0 }
    ]
  ]
  for (const [environment, changed] of asked)
    t.same(read(environment), { settings: { ...USUAL, ...changed }, warned: [] })
  for (const environment of [
    {},
    { OTEL_SERVICE_NAME: 'x' },
    { ...AT, OTEL_SDK_DISABLED: 'TRUE' },
    { ...AT, OTEL_TRACES_EXPORTER: 'none' }
  ])
    t.same(read(environment), { settings: undefined, warned: [] }, JSON.stringify(environment))
  for (const environment of [
    { ...AT, OTEL_TRACES_EXPORTER: 'zipkin' },
    { ...AT, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' },
    { ...AT, OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/json' },
    { OTEL_EXPORTER_OTLP_ENDPOINT: 'c.test:4318' }
  ]) {
    const { settings, warned } = read(environment)
    t.same([settings, warned.length], [undefined, 1], JSON.stringify(environment))
  }
  for (const wrong of [
    { OTEL_TRACES_SAMPLER: 'often' },
    { OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '2' },
    { OTEL_BSP_MAX_QUEUE_SIZE: '0' },
    { OTEL_BSP_EXPORT_TIMEOUT: 'soon' }
  ]) {
    const { settings, warned } = read({ ...AT, ...wrong })
    t.equal(warned.length, 1, JSON.stringify(wrong))
    t.match(settings, { url: USUAL.url, queueSize: 2048, timeoutMs: 30_000, sampler: { ratio: 1 } })
  }
})

t.test(
  'a worker puts nothing into a span but what is on a list, and no time outside its call',
  async (t) => {
    const words = 'the_word_of_a_mail'
    const span = callSpan({
      method: `tools/call\n${words}`,
      tool: words,
      from: 1000,
      to: 1100,
      failure: { fault: 'client', error: words },
      gmail: [
        { method: 'messages.get', at: 3_000_000, ms: 3_600_000, status: 200, attempt: 1 },
        { method: 'other', at: 10, ms: 20, attempt: 20 }
      ],
      place: { userId: asUserId('100'), session: 's-1', worker: 'w-1' },
      revision: words
    })
    t.notMatch(JSON.stringify(span), words)
    t.equal(span.name, 'other other')
    t.match(span.attributes, { 'gmail_mcp.tool.error': 'other' })
    t.equal(span.error, 'tool_error')
    t.same(
      span.parts.map(({ name, from, to, error }) => [name, from, to, error]),
      [
        ['GET /gmail/v1/users/{userId}/messages/{id}', 1100, 1100, undefined],
        ['HTTP', 1010, 1030, '_OTHER']
      ]
    )
  }
)

t.test('every method of Gmail has its verb and path', async (t) => {
  // Google's client is made from the same description of the API.
  const code = readFileSync('node_modules/googleapis/build/src/apis/gmail/v1.js', 'utf8')
  const form = /rootUrl \+\s+'([^']+)'\)[\s\S]{0,60}?method: '([A-Z]+)'/g
  const known = new Set([...code.matchAll(form)].map(([, path, verb]) => `${verb} ${path}`))
  t.ok(known.size > 60)
  for (const method of GMAIL_METHODS) {
    const { verb, template } = gmailUrl(method) ?? { verb: '', template: '' }
    t.ok(known.has(`${verb} ${template}`), `${method}: ${verb} ${template}`)
  }
  t.equal(gmailUrl('other'), undefined)
})

t.test('spans have so many places', async (t) => {
  const { traceSpans, scrape } = createMetrics({ version: '0' })
  const budget = new SpanBudget(2, traceSpans)
  t.same([budget.take(), budget.take(), budget.take()], [true, true, false])
  budget.giveBack(1, true)
  budget.giveBack(1, false)
  t.same([budget.take(), budget.take(), budget.take()], [true, true, false])
  const { text } = await scrape()
  t.match(text, 'trace_spans_total{result="sent"} 1')
  t.match(text, 'trace_spans_total{result="failed"} 1')
  t.match(text, 'trace_spans_total{result="dropped"} 2')
})

t.test('one person’s spans are so many a minute, whatever their worker says', async (t) => {
  const collector = await startCollector()
  const clock = new FakeClock()
  const metrics = createMetrics({ version: '0' })
  const environment = { ...AT, OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint }
  const read = readTraceSettings({ ...environment, OTEL_BSP_MAX_QUEUE_SIZE: '20000' }, t.fail)
  const traces = await openTraces({
    ...{ settings: read, clock, metrics, ofKind: { server: {}, client: {} } },
    log: createLog({ level: 'silent', isTerminal: false, fd: 2 })
  })
  t.teardown(() => collector.close())
  const part: EndedSpan = {
    ...{ name: 'x', kind: 'client', attributes: {} },
    ...{ from: 0, to: 1, parts: [] }
  }
  const trace = traces?.begin({ name: 'POST /mcp', attributes: {}, caller: undefined })
  for (let n = 0; n < 7000; n += 1) trace?.add(part, 'one')
  trace?.add(part, 'another')
  clock.advance(60_000)
  trace?.add(part, 'one')
  trace?.end({ attributes: {} })
  await traces?.close()
  t.equal(collector.spans.length, 6000 + 1 + 1 + 1)
  t.match((await metrics.scrape()).text, 'trace_spans_total{result="dropped"} 1000')
})

t.test('samplers are those of the specification', async (t) => {
  const collector = await startCollector()
  t.teardown(() => collector.close())
  const caller = { traceId: 'a'.repeat(32), parentId: 'b'.repeat(16) }
  const isSampled = async (sampler: string, argument: string, sampled?: boolean) => {
    const settings = readTraceSettings(
      { ...AT, OTEL_TRACES_SAMPLER: sampler, OTEL_TRACES_SAMPLER_ARG: argument },
      t.fail
    )
    const traces = await openTraces({
      ...{ settings, clock: new FakeClock(), metrics: createMetrics({ version: '0' }) },
      ofKind: { server: {}, client: {} },
      log: createLog({ level: 'silent', isTerminal: false, fd: 2 })
    })
    const trace = traces?.begin({
      ...{ name: 'x', attributes: {} },
      caller: sampled === undefined ? undefined : { ...caller, isSampled: sampled }
    })
    return trace?.isSampled
  }
  const table = {
    always_on: [true, true, true],
    always_off: [false, false, false],
    parentbased_always_on: [true, true, false],
    parentbased_always_off: [false, true, false],
    parentbased_traceidratio: [false, true, false],
    traceidratio: [false, false, false]
  }
  for (const [sampler, expected] of Object.entries(table))
    t.same(
      [
        await isSampled(sampler, '0'),
        await isSampled(sampler, '0', true),
        await isSampled(sampler, '0', false)
      ],
      expected,
      sampler
    )
  t.equal(await isSampled('traceidratio', '1'), true)
})
