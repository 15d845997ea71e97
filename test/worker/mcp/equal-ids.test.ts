import t from 'tap'
import { RequestIdMap } from '../../../worker/mcp/request-id-map.ts'
import {
  call,
  endpointOf,
  events,
  fixtureWorker,
  initialize,
  type Message,
  messageOf,
  messagesOf,
  modernCall,
  openSession,
  type Person,
  peopleOf,
  send,
  textOf,
  until
} from '../../helpers/mcp-http.ts'
import { startGateway } from '../../helpers/start-gateway.ts'

interface Seen {
  readonly started: number
  readonly finished: number
  readonly aborted: number
  readonly waiting: number
}

const seenBy = async (me: Person): Promise<Seen> =>
  JSON.parse(textOf(await messageOf(await send(me, modernCall('seen')))) ?? '')

const cancel = (me: Person, session: string, requestId: string | number) =>
  send(me, {
    session,
    body: { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId } }
  })

t.test('calls of one session may have one id', async (t) => {
  const settings = {
    WORKER_ENTRY: fixtureWorker('tools'),
    CALLS_PER_USER: '300',
    CALL_BURST: '2000'
  }
  const gateway = await startGateway({ settings, google: peopleOf(4) })
  t.teardown(() => gateway.close())

  t.test('200 at once, each gets its own answer, in both eras', async (t) => {
    const me = endpointOf(gateway, 0)
    const session = await openSession(me)
    const words = Array.from({ length: 200 }, (_, i) => `word ${i}`)
    const wait = (text: string, i: number) => ({ ms: (i * 7) % 50, text })
    const legacy = words.map(async (text, i) => {
      const id = i % 2 ? 1 : '1'
      const response = await send(me, { session, body: call('wait', wait(text, i), id) })
      return messageOf(response)
    })
    const answers = await Promise.all(legacy)
    t.same(answers.map(textOf), words)
    t.same(
      answers.map(({ id }) => id),
      words.map((_, i) => (i % 2 ? 1 : '1')),
      'under the id it gave, of the type it gave'
    )
    const modern = words.map(async (text, i) =>
      messageOf(await send(me, modernCall('wait', wait(text, i))))
    )
    t.same((await Promise.all(modern)).map(textOf), words)
  })

  t.test('a cancellation reaches the only call of that id, and no one of several', async (t) => {
    const me = endpointOf(gateway, 1)
    const session = await openSession(me)
    const body = call('wait', { ms: 60_000, text: 'done' }, 7)
    const headers = { 'mcp-protocol-version': '1999-01-01' }
    const refused = await send(me, { session, body, headers })
    t.equal(refused.status, 400, 'one that was never run does not count')

    const alone = await send(me, { session, body })
    await until(async () => (await seenBy(me)).waiting === 1)
    t.equal((await cancel(me, session, '7')).status, 202, 'another id: of another type')
    t.equal((await cancel(me, session, 7)).status, 202)
    await until(async () => (await seenBy(me)).aborted === 1)
    t.same(await messagesOf(alone), [], 'what was cancelled gets no answer, and ends')

    const two = [await send(me, { session, body }), await send(me, { session, body })]
    await until(async () => (await seenBy(me)).waiting === 2)
    t.equal((await cancel(me, session, 7)).status, 202)
    await send(me, { session, body: call('release') })
    t.same((await Promise.all(two.map(messageOf))).map(textOf), ['done', 'done'])
    t.match(await seenBy(me), { aborted: 1, finished: 2, waiting: 0 })
    await until(async () => {
      const { body } = await gateway.admin('GET', `/admin/sessions?user=${me.sub}`)
      return JSON.stringify(body).includes('"inFlight":0')
    })
  })

  t.test('progress goes to the call it is about', async (t) => {
    const me = endpointOf(gateway, 2)
    const session = await openSession(me)
    const both = [3, 5].map(async (steps) => {
      const body = call('progress', { steps }, 1, { progressToken: 'p' })
      return messagesOf(await send(me, { session, body }))
    })
    const [three = [], five = []] = await Promise.all(both)
    const heard = (messages: Message[]) =>
      messages.map(({ params }) => params?.progress ?? 'answer')
    t.same(heard(three), [1, 2, 3, 'answer'])
    t.same(heard(five), [1, 2, 3, 4, 5, 'answer'])
    t.equal(three.at(-1)?.id, 1)
  })

  t.test('a batch is answered call by call', async (t) => {
    const me = endpointOf(gateway, 3)
    const { params, ...rest } = initialize()
    const old = { ...rest, params: { ...params, protocolVersion: '2025-03-26' } }
    const opened = await send(me, { body: old })
    const session = opened.headers.get('mcp-session-id') ?? ''
    await opened.text()
    const body = [
      call('echo', { text: 'one' }, 1),
      { jsonrpc: '2.0', method: 'notifications/initialized' },
      call('echo', { text: 'two' }, 1),
      call('echo', { text: 'three' }, 'x')
    ]
    const answers: Message[] = []
    for await (const message of events(await send(me, { session, body }))) answers.push(message)
    t.same(
      answers.map((answer) => [answer.id, textOf(answer)]).sort(),
      [
        [1, 'one'],
        [1, 'two'],
        ['x', 'three']
      ].sort()
    )
    for (const odd of ['[]', '[1]', '{"jsonrpc":"2.0","id":{},"method":"x"}', 'null', '{']) {
      const response = await send(me, { session, body: odd })
      t.equal(response.status, 400, odd)
      await response.text()
    }
  })
})

t.test('request ids', async (t) => {
  const request = (id: string | number) => ({ jsonrpc: '2.0', id, method: 'x' }) as const
  const cancelled = (requestId: string | number) =>
    ({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId } }) as const
  const idOf = (message: object | undefined) =>
    message && 'id' in message ? String(message.id) : ''

  t.test('a client cannot name the key of another call', async (t) => {
    const ids = new RequestIdMap()
    const key = idOf(ids.inbound(request(1)))
    t.equal(ids.inbound(cancelled(key)), undefined)
    t.not(idOf(ids.inbound(request(key))), key)
    const foreign = {
      jsonrpc: '2.0',
      id: idOf(new RequestIdMap().inbound(request(1))),
      result: {}
    } as const
    t.same(JSON.parse(JSON.stringify(ids.outbound(foreign))).id, foreign.id, 'not one of its keys')
  })

  t.test('whatever an id holds comes back as it was', async (t) => {
    const ids = new RequestIdMap()
    for (const id of [0, -1, 1.5, '', ':', 'k:1', '"', '\u2028', '1']) {
      const inbound = ids.inbound(request(id))
      const answer = ids.outbound({ jsonrpc: '2.0', id: idOf(inbound), result: {} })
      t.same(JSON.parse(JSON.stringify(answer)), { jsonrpc: '2.0', id, result: {} })
    }
  })
})
