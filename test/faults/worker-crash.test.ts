import {
  Client as ModernClient,
  StreamableHTTPClientTransport as ModernTransport
} from '@modelcontextprotocol/client'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import t from 'tap'
import {
  call,
  endpointOf,
  events,
  fixtureWorker,
  killWorkerOf,
  type Message,
  messageOf,
  modern,
  modernCall,
  openSession,
  peopleOf,
  send,
  textOf
} from '../helpers/mcp-http.ts'
import { startGateway } from '../helpers/start-gateway.ts'

const GONE = { error: { code: -32603, data: { code: 'ERR_WORKER_GONE' } } }
const LONG = { ms: 60_000, text: '' }

t.test('whoever calls a worker that dies gets one answer', async (t) => {
  const settings = { WORKER_ENTRY: fixtureWorker('tools') }
  const gateway = await startGateway({ settings, google: peopleOf(7) })
  t.teardown(() => gateway.close())

  t.test('within the event stream of a 2025 session, which goes on', async (t) => {
    const me = endpointOf(gateway, 0)
    const session = await openSession(me, 'claude-ai')
    const before = textOf(await messageOf(await send(me, { session, body: call('who') })))
    const waiting = await send(me, { session, body: call('wait', LONG, 'my id') })
    t.equal(waiting.status, 200)
    await killWorkerOf(gateway, me)
    t.match(await messageOf(waiting), { id: 'my id', ...GONE })

    const after = await messageOf(await send(me, { session, body: call('who') }))
    t.match(textOf(after), /^\d+$/)
    t.not(textOf(after), before, 'another process')
    const client = await messageOf(await send(me, { session, body: call('client') }))
    t.match(JSON.parse(textOf(client) ?? ''), { name: 'claude-ai' }, 'which knows its client')
  })

  t.test('each of many calls', async (t) => {
    const me = endpointOf(gateway, 1)
    const session = await openSession(me)
    const responses = await Promise.all(
      Array.from({ length: 20 }, (_, id) => send(me, { session, body: call('wait', LONG, id) }))
    )
    await killWorkerOf(gateway, me)
    const messages = await Promise.all(responses.map(messageOf))
    t.same(
      messages.map(({ id }) => id),
      [...messages.keys()]
    )
    t.ok(messages.every(({ error }) => error?.data?.code === 'ERR_WORKER_GONE'))
  })

  t.test('with 503 when no answer had begun', async (t) => {
    const me = endpointOf(gateway, 2)
    const dying = await send(me, modernCall('die', {}, 77))
    t.equal(dying.status, 503)
    t.equal(dying.headers.get('retry-after'), '1')
    t.equal(dying.headers.get('x-content-type-options'), 'nosniff', 'with our usual headers')
    t.match(await messageOf(dying), { id: 77, ...GONE })
    const next = await messageOf(await send(me, modernCall('echo', { text: 'alive' })))
    t.equal(textOf(next), 'alive')
  })

  t.test('a 2025 call without a session as well', async (t) => {
    const me = endpointOf(gateway, 3)
    t.match(await messageOf(await send(me, { body: call('die', {}, 5) })), { id: 5, ...GONE })
  })

  const requestInit = (index: number) => ({
    headers: { authorization: `Bearer ${endpointOf(gateway, index).token}` }
  })
  const url = new URL(gateway.url)

  t.test('the official client 1.x, whose next call works', async (t) => {
    const client = new Client({ name: 'one', version: '1' })
    t.teardown(() => client.close())
    await client.connect(new StreamableHTTPClientTransport(url, { requestInit: requestInit(4) }))
    const dying = client.callTool({ name: 'wait', arguments: LONG })
    dying.catch(() => {})
    await client.callTool({ name: 'who' })
    await killWorkerOf(gateway, endpointOf(gateway, 4))
    await t.rejects(dying, { message: /stopped during the call/ })
    const echo = await client.callTool({ name: 'echo', arguments: { text: 'again' } })
    t.match(echo, { content: [{ text: 'again' }] })
    t.match(await client.callTool({ name: 'client' }), { content: [{ text: /"one"/ }] })
  })

  for (const [index, mode] of [
    [5, 'legacy'],
    [6, { pin: '2026-07-28' }]
  ] as const) {
    t.test(`the official client 2.x (${JSON.stringify(mode)})`, async (t) => {
      const client = new ModernClient(
        { name: 'two', version: '1' },
        { versionNegotiation: { mode } }
      )
      t.teardown(() => client.close())
      await client.connect(new ModernTransport(url, { requestInit: requestInit(index) }))
      const dying = client.callTool({ name: 'wait', arguments: LONG })
      dying.catch(() => {})
      await client.callTool({ name: 'who', arguments: {} })
      await killWorkerOf(gateway, endpointOf(gateway, index))
      await t.rejects(dying, { message: /stopped during the call|Service Unavailable/ })
      const echo = await client.callTool({ name: 'echo', arguments: { text: 'again' } })
      t.match(echo, { content: [{ text: 'again' }] })
    })
  }
})

t.test('a worker that dies in the middle of writing is never seen in the middle', async (t) => {
  const settings = { WORKER_ENTRY: fixtureWorker('scripted') }
  const gateway = await startGateway({ settings, google: peopleOf(4) })
  t.teardown(() => gateway.close())

  const cases: [act: string, status: number, before: number][] = [
    ['silence', 503, 0],
    ['half-json', 503, 0],
    ['no-event', 200, 0],
    ['half-event', 200, 1]
  ]
  for (const [index, [act, status, before]] of cases.entries()) {
    t.test(act, async (t) => {
      const body = { jsonrpc: '2.0', id: 9, method: 'x', params: { act } }
      const response = await send(endpointOf(gateway, index), { body })
      t.equal(response.status, status)
      const messages: Message[] = []
      if (status === 200) for await (const message of events(response)) messages.push(message)
      else messages.push(await messageOf(response))
      t.match(messages.slice(before), [{ id: 9, ...GONE }])
      t.equal(messages.length, before + 1, 'one answer')
    })
  }
})

t.test('a worker that dies within a long answer, of which a part was sent already', async (t) => {
  const settings = { WORKER_ENTRY: fixtureWorker('scripted') }
  const gateway = await startGateway({ settings, google: peopleOf(4) })
  t.teardown(() => gateway.close())
  const asked = (act: string) => ({ jsonrpc: '2.0' as const, id: 9, method: 'x', params: { act } })
  const requestInit = (index: number) => ({
    headers: { authorization: `Bearer ${endpointOf(gateway, index).token}` }
  })
  const url = new URL(gateway.url)

  // The part is ended under a type of its own, and of an event's types the last counts (WHATWG HTML 9.2.6).
  const clients = [
    new StreamableHTTPClientTransport(url, { requestInit: requestInit(0) }),
    new ModernTransport(url, { requestInit: requestInit(1) })
  ]
  for (const [index, transport] of clients.entries()) {
    t.test(`the official client ${index + 1}.x hears one error with the right id`, async (t) => {
      t.teardown(() => transport.close())
      const heard: unknown[] = []
      const failed: Error[] = []
      const { promise: answered, resolve } = Promise.withResolvers<void>()
      transport.onerror = (error) => failed.push(error)
      transport.onmessage = (message: unknown) => {
        heard.push(message)
        if (heard.length === 2) resolve()
      }
      await transport.start()
      await transport.send(asked('long-half-event'))
      await answered
      t.match(heard, [{ method: 'notifications/first' }, { id: 9, ...GONE }])
      t.equal(heard.length, 2)
      t.same(failed, [], 'nothing was half understood')
    })
  }

  t.test('a part of JSON is never taken for the whole', async (t) => {
    const response = await send(endpointOf(gateway, 2), { body: asked('long-half-json') })
    t.equal(response.status, 200)
    await t.rejects(response.text(), 'the connection broke off')
  })

  t.test('when it does not die, every byte arrives', async (t) => {
    const message = await messageOf(await send(endpointOf(gateway, 3), { body: asked('long') }))
    t.same(message, { jsonrpc: '2.0', id: 9, result: { text: 'é'.repeat(2 ** 20) } })
  })
})

t.test(
  'a request whose header and body name different tools is refused by the worker',
  async (t) => {
    const gateway = await startGateway({ settings: { WORKER_ENTRY: fixtureWorker('tools') } })
    t.teardown(() => gateway.close())
    const { body } = modernCall('echo', { text: 'x' })
    const response = await send(gateway, { body, headers: modern('tools/call').headers })
    t.equal(response.status, 400)
    t.match(await messageOf(response), { error: { code: -32020 } })
  }
)
