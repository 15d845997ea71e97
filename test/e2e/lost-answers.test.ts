import t from 'tap'
import {
  call,
  type Endpoint,
  endpointOf,
  fixtureWorker,
  messageOf,
  openSession,
  peopleOf,
  rawEvents,
  send,
  textOf,
  workersOf
} from '../helpers/mcp-http.ts'
import { endingQuietly, type Fetch, OFFICIAL_CLIENTS } from '../helpers/official-clients.ts'
import { startGateway } from '../helpers/start-gateway.ts'
import { becomes } from '../helpers/until.ts'

// MCP 2025-11-25, Streamable HTTP, "Sending Messages to the Server" 6 and "Resumability and Redelivery": a stream begins with an
// event that has an id and no data; whoever loses it asks with GET and Last-Event-ID, and gets what it would have got.

const REVISION = { 'mcp-protocol-version': '2025-11-25' }
const LONG_MS = 60_000

const gateway = await startGateway({
  google: peopleOf(6),
  settings: { WORKER_ENTRY: fixtureWorker('tools') }
})
t.teardown(() => gateway.close())

const ask = (me: Endpoint, session: string, name: string) =>
  send(me, { session, body: call(name, {}, `ask-${name}`) }).then(messageOf)

/** A call that waits, whose stream has begun: its event id, and what loses the stream. */
async function begin(me: Endpoint, session: string, id: string | number) {
  const abort = new AbortController()
  const body = call('wait', { ms: LONG_MS, text: `for ${id}` }, id)
  const response = await send(me, { session, body, headers: REVISION, signal: abort.signal })
  const stream = rawEvents(response)
  const first = (await stream.next()).value ?? ''
  const eventId = /^id: (\S+)$/m.exec(first)?.[1] ?? ''
  return { eventId, first, stream, lose: () => abort.abort() }
}

const comeBack = (me: Endpoint, session: string, eventId: string) =>
  send(me, { method: 'GET', session, headers: { ...REVISION, 'last-event-id': eventId } })

const waiting = async (me: Endpoint, session: string): Promise<number> =>
  JSON.parse(textOf(await ask(me, session, 'seen')) ?? '{}').waiting

t.test('a client that lost its stream gets the answer when it comes back', async (t) => {
  const me = endpointOf(gateway, 0)
  const session = await openSession(me)

  t.test('while the call goes on', async (t) => {
    const lost = await begin(me, session, 'mine')
    t.match(lost.first, /^id: call\.\S+\nretry: 1000\ndata:$/)
    lost.lose()
    const again = await comeBack(me, session, lost.eventId)
    t.equal(again.headers.get('content-type'), 'text/event-stream')
    await ask(me, session, 'release')
    const { id, result } = await messageOf(again)
    t.equal(id, 'mine')
    t.match(result, { content: [{ text: 'for mine' }] })
  })

  t.test('when the answer has come meanwhile, once', async (t) => {
    const lost = await begin(me, session, 7)
    lost.lose()
    t.equal(
      await becomes(
        () => waiting(me, session),
        (n) => n === 1
      ),
      1,
      'it goes on'
    )
    await ask(me, session, 'release')
    t.equal(
      await becomes(
        () => inFlight(me),
        (n) => n === 0
      ),
      0
    )
    t.match(await messageOf(await comeBack(me, session, lost.eventId)), {
      id: 7,
      result: { content: [{ text: 'for 7' }] }
    })
    const events = await allOf(await comeBack(me, session, lost.eventId))
    t.match(events.at(-1), /"id":7,.*ERR_ANSWER_GONE/)
    const told = /^id: (\S+)$/m.exec(events.at(-1) ?? '')?.[1] ?? ''
    t.equal((await comeBack(me, session, told)).status, 405, 'who was told is told no more')
  })

  t.test('on a stream that is not known to be dead', async (t) => {
    const lost = await begin(me, session, 'half open')
    const again = await comeBack(me, session, lost.eventId)
    await ask(me, session, 'release')
    t.match(await messageOf(again), { id: 'half open', result: {} })
    await t.rejects(lost.stream.next(), 'the first one is closed')
  })

  t.test('with an error when its process has died', async (t) => {
    const lost = await begin(me, session, 'dying')
    lost.lose()
    const died = send(me, { session, body: call('die') }).then(messageOf)
    t.match(await messageOf(await comeBack(me, session, lost.eventId)), {
      id: 'dying',
      error: { data: { code: 'ERR_WORKER_GONE' } }
    })
    await died
  })
})

t.test('it is told to nobody else, and says what is known', async (t) => {
  const [ann, bea] = [endpointOf(gateway, 1), endpointOf(gateway, 2)]
  const [session, other, foreign] = await Promise.all([
    openSession(ann),
    openSession(ann),
    openSession(bea)
  ])
  const lost = await begin(ann, session, 'hers')
  lost.lose()
  for (const [me, whose] of [
    [bea, foreign],
    [ann, other]
  ] as const)
    t.match(await messageOf(await comeBack(me, whose, lost.eventId)), {
      error: { data: { code: 'ERR_ANSWER_GONE' } }
    })
  t.equal((await comeBack(bea, session, lost.eventId)).status, 404)
  const [kind, exchange, , rpcId] = lost.eventId.split('.')
  const elsewhere = [kind, exchange, 'anywhere', rpcId].join('.')
  t.match(await messageOf(await comeBack(ann, session, elsewhere)), {
    id: 'hers',
    error: { data: { code: 'ERR_PEER_GONE' } }
  })
  const again = await comeBack(ann, session, lost.eventId)
  await ask(ann, session, 'release')
  t.match(await messageOf(again), { id: 'hers', result: {} })
})

t.test('streams of older and younger revisions begin as before', async (t) => {
  const me = endpointOf(gateway, 3)
  const session = await openSession(me)
  for (const version of ['2025-06-18', undefined]) {
    const body = call('wait', { ms: 300, text: 'here' })
    const headers = { ...(version && { 'mcp-protocol-version': version }) }
    const events = await allOf(await send(me, { session, body, headers }))
    t.equal(events.length, 1)
    t.notMatch(events[0], /^id:/m)
  }
})

for (const [index, [name, open]] of Object.entries(OFFICIAL_CLIENTS).entries())
  t.test(`${name} comes back by itself`, async (t) => {
    const me = endpointOf(gateway, 4 + index)
    const wire = watched()
    const client = open(me, wire.fetch)
    await client.connect()
    t.teardown(() => client.close())
    const errors: string[] = []
    client.onError((error) => errors.push(error.message))

    const lost = wire.nextStream('cut')
    const called = client.callTool('wait', { ms: LONG_MS, text: 'not lost' })
    await lost
    const session = wire.session()
    t.equal(await becomes(() => waiting(me, session), isOne), 1)
    await ask(me, session, 'release')
    t.match(await called, { content: [{ text: 'not lost' }] })

    const begun = wire.nextStream('whole')
    const failing = client.callTool('wait', { ms: LONG_MS, text: 'never' })
    await begun
    const died = send(me, { session, body: call('die') }).then(messageOf)
    await t.rejects(failing, /stopped during the call/)
    await died
    t.match(await client.callTool('echo', { text: 'on' }), { content: [{ text: 'on' }] })
    t.same(errors, [], 'nothing that it does not understand')
  })

const isOne = (n: number): boolean => n === 1

/** Sees the event stream that answers the next POST, and breaks it off after its first bytes if it is to. */
function watched() {
  let session = ''
  let next: { readonly isCut: boolean; begun(): void } | undefined
  const seen: Fetch = async (url, init) => {
    const cut = new AbortController()
    const signal = AbortSignal.any([cut.signal, ...(init?.signal ? [init.signal] : [])])
    const response = await fetch(url, { ...init, signal })
    session = response.headers.get('mcp-session-id') ?? session
    if (!next || init?.method !== 'POST' || !response.body) return response
    const { isCut, begun } = next
    next = undefined
    const first = new TransformStream<Uint8Array, Uint8Array>({
      transform(bytes, to) {
        to.enqueue(bytes)
        if (isCut) cut.abort()
        begun()
      }
    })
    return new Response(response.body.pipeThrough(first), response)
  }
  return {
    fetch: endingQuietly(seen),
    nextStream: (what: 'cut' | 'whole') =>
      new Promise<void>((begun) => {
        next = { isCut: what === 'cut', begun }
      }),
    session: () => session
  }
}

async function allOf(response: Response): Promise<string[]> {
  const all: string[] = []
  for await (const event of rawEvents(response)) all.push(event)
  return all
}

const inFlight = async ({ sub }: { sub?: string }): Promise<number> =>
  (await workersOf(gateway)).find(({ userId }) => userId === sub)?.inFlight ?? 0
