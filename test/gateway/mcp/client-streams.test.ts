import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { Readable } from 'node:stream'
import Fastify from 'fastify'
import t from 'tap'
import { asSessionId, asUserId } from '#shared/ids.ts'
import { AccessWatch } from '../../../gateway/mcp/access-watch.ts'
import { CallerLimits } from '../../../gateway/mcp/caller-limits.ts'
import { ClientStream } from '../../../gateway/mcp/client-stream.ts'
import { ClientStreams } from '../../../gateway/mcp/client-streams.ts'
import { SseHeartbeat } from '../../../gateway/relay/sse-heartbeat.ts'
import { Restorer } from '../../../gateway/sessions/restore.ts'
import type { Session } from '../../../gateway/sessions/session.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'
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
  type Person,
  peopleOf,
  rawEvents,
  send,
  textOf,
  until,
  workersOf
} from '../../helpers/mcp-http.ts'
import { startGateway } from '../../helpers/start-gateway.ts'

const SUBSCRIPTION_ID = 'io.modelcontextprotocol/subscriptionId'
const CHANGED = 'notifications/tools/list_changed'

/** What arrives on an open stream. */
function hear(response: Response) {
  const heard: Message[] = []
  const ended = (async () => {
    for await (const message of events(response)) heard.push(message)
  })()
  ended.catch(() => {}) // a test that closes its gateway need not wait for its streams
  return { heard, ended, response }
}

const openStream = async (me: Person, session: string) =>
  hear(await send(me, { method: 'GET', session }))

t.test('a GET stream is the gateway’s own, whoever fills it', async (t) => {
  const settings = {
    WORKER_ENTRY: fixtureWorker('tools'),
    WORKER_IDLE: '500ms',
    STREAMS_PER_USER: '2'
  }
  const gateway = await startGateway({ settings, google: peopleOf(6) })
  t.teardown(() => gateway.close())
  const isAsleep = async (me: Person) =>
    (await workersOf(gateway)).every(({ userId }) => userId !== me.sub)

  t.test('open at once with no worker, filled when there is one, across crashes', async (t) => {
    const me = endpointOf(gateway, 0)
    const session = await openSession(me)
    await until(() => isAsleep(me))
    const { heard, response } = await openStream(me, session)
    t.equal(response.status, 200)
    t.equal(response.headers.get('x-accel-buffering'), 'no')
    t.ok(await isAsleep(me), 'it starts no worker')

    for (const round of [1, 2, 3]) {
      await (await send(me, { session, body: call('change') })).text()
      await until(() => heard.length >= round)
      await killWorkerOf(gateway, me)
    }
    t.same(
      heard.map(({ method }) => method),
      [CHANGED, CHANGED, CHANGED],
      'each once'
    )
  })

  t.test('it keeps no worker awake', async (t) => {
    const me = endpointOf(gateway, 1)
    const session = await openSession(me)
    const { heard } = await openStream(me, session)
    await until(() => isAsleep(me))
    await (await send(me, { session, body: call('change') })).text()
    await until(() => heard.length > 0)
    t.same(heard.length, 1)
  })

  t.test('the newest wins, and takes the place of the older one', async (t) => {
    const me = endpointOf(gateway, 2)
    const [session, other] = [await openSession(me), await openSession(me)]
    const older = await openStream(me, session)
    const third = await openStream(me, other)
    const newer = await openStream(me, session)
    t.equal(newer.response.status, 200, 'though two are the most')
    await older.ended
    await (await send(me, { session, body: call('change') })).text()
    await until(() => newer.heard.length > 0 && third.heard.length > 0)
    t.same([older.heard.length, newer.heard.length, third.heard.length], [0, 1, 1])
    const { body } = await gateway.admin('GET', `/admin/sessions?user=${me.sub}`)
    t.match(body, { sessions: [{ streams: 1 }, { streams: 1 }] })
  })

  t.test('DELETE ends it', async (t) => {
    const me = endpointOf(gateway, 3)
    const session = await openSession(me)
    const { ended } = await openStream(me, session)
    t.equal((await send(me, { method: 'DELETE', session })).status, 200)
    await ended
  })

  t.test('too many are refused, one person’s only', async (t) => {
    const me = endpointOf(gateway, 4)
    const sessions = [await openSession(me), await openSession(me), await openSession(me)]
    const leave = new AbortController()
    const [one = '', two = '', three = ''] = sessions
    const first = await send(me, { method: 'GET', session: one, signal: leave.signal })
    await openStream(me, two)
    const refused = await send(me, { method: 'GET', session: three })
    t.equal(refused.status, 429)
    t.equal(refused.headers.get('retry-after'), '5')
    t.match(await messageOf(refused), { error: { data: { code: 'ERR_TOO_MANY_STREAMS' } } })
    const listening = modern('subscriptions/listen', { notifications: { toolsListChanged: true } })
    t.equal((await send(me, listening)).status, 429, 'a subscription counts as well')

    const neighbour = endpointOf(gateway, 3)
    t.equal((await openStream(neighbour, await openSession(neighbour))).response.status, 200)
    leave.abort()
    await t.rejects(first.text())
    let next = await send(me, { method: 'GET', session: three })
    await until(async () => {
      if (next.status === 200) return true
      next = await send(me, { method: 'GET', session: three })
      return false
    })
    t.equal(next.status, 200, 'a place is free again')
  })

  t.test('a subscription is acknowledged once and survives hibernation and crash', async (t) => {
    const me = endpointOf(gateway, 5)
    const subscribe = modern(
      'subscriptions/listen',
      { notifications: { toolsListChanged: true } },
      'sub-1'
    )
    const { heard } = hear(await send(me, subscribe))
    await until(() => heard.length === 1)
    t.equal(heard[0]?.method, 'notifications/subscriptions/acknowledged')
    await until(() => isAsleep(me))
    await (await send(me, modernCall('change'))).text()
    await until(() => heard.length >= 2)
    await killWorkerOf(gateway, me)
    await (await send(me, modernCall('change'))).text()
    await until(() => heard.length >= 3)
    t.same(
      heard.map(({ method }) => method),
      ['notifications/subscriptions/acknowledged', CHANGED, CHANGED]
    )
    const ids = heard.map(({ params }) => params?._meta?.[SUBSCRIPTION_ID])
    t.same(ids, ['sub-1', 'sub-1', 'sub-1'])
    const { inFlight } = (await workersOf(gateway)).find(({ userId }) => userId === me.sub) ?? {}
    t.equal(inFlight, 0, 'it is no call')
  })

  t.test('what cannot be a stream is refused', async (t) => {
    const me = endpointOf(gateway, 0)
    const session = await openSession(me)
    t.equal((await send(me, { method: 'GET' })).status, 405, 'no session')
    const headers = { 'mcp-protocol-version': '2026-07-28' }
    t.equal((await send(me, { method: 'GET', session, headers })).status, 405, 'no such era')
    const asJson = { accept: 'application/json' }
    t.equal((await send(me, { method: 'GET', session, headers: asJson })).status, 406)
    t.equal((await send(me, { method: 'HEAD', session })).status, 405, 'nobody could read it')
    t.equal(textOf(await messageOf(await send(me, modernCall('echo', { text: 'ok' })))), 'ok')
  })
})

t.test('silence is broken every 15 seconds', async (t) => {
  const clock = new FakeClock()
  const limits = new CallerLimits({ inFlight: 1, perSecond: 1, burst: 1, streams: 1 }, clock)
  const open = { get: 0, listen: 0 }
  const streams = new ClientStreams({
    clock,
    limits,
    access: new AccessWatch({ clock, isLive: async () => true, failed: t.error }),
    restorer: new Restorer(clock, { restored() {} }),
    workerOf: () => undefined,
    opened: (kind) => (open[kind] += 1),
    closed: (kind) => (open[kind] -= 1)
  })
  const userId = asUserId('1')
  const session = { userId } as Session
  const app = Fastify({ forceCloseConnections: true })
  app.get('/', async (_request, reply) => {
    const caller = { userId, clientId: '', level: 'gmail.read', expiresAt: 0 } as const
    const access = { credential: 'oauth', accessId: 'a' } as const
    await streams.openSession(session, asSessionId('x'), { ...caller, ...access }, reply)
    return reply
  })
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  t.teardown(() => app.close())
  const response = await fetch(url)
  clock.advance(15_000)
  clock.advance(15_000)
  t.same(open, { get: 1, listen: 0 })
  streams.close()
  streams.close()
  const heard: string[] = []
  for await (const event of rawEvents(response)) heard.push(event)
  t.same(heard, ['retry: 1500', ': keepalive', ': keepalive'])
  t.same(open, { get: 0, listen: 0 })
  clock.advance(60_000)
})

t.test('streams that open together are kept alive one after the other, each as often', (t) => {
  const clock = new FakeClock()
  const keepAlive = new SseHeartbeat(clock)
  const beats = Array.from({ length: 600 }, () => [] as number[])
  const streams = beats.map((at) => ({ keepAlive: () => void at.push(clock.now()) }))
  const [first, ...others] = streams.map((stream) => keepAlive.add(stream))
  first?.()
  clock.advance(45_000)
  keepAlive.close()
  clock.advance(45_000)
  t.same(beats[0], [], 'not who left')
  for (const [one = 0, two = 0, three] of beats.slice(1)) {
    if (two !== one + 15_000 || three !== one + 30_000) t.fail('too often or too rarely')
  }
  const together = Map.groupBy(beats.slice(1).flat(), (at) => at)
  t.ok(Math.max(...[...together.values()].map(({ length }) => length)) <= 10)
  for (const leave of others) leave()
  t.end()
})

t.test('a client that does not read is cut off', async (t) => {
  const parked = Promise.withResolvers<ServerResponse>()
  const server = createServer((_request, response) => {
    const stream = new ClientStream(response, {})
    const chunk = Buffer.from(`data: ${'x'.repeat(65_000)}\n\n`)
    let left = 2000 // 130 MB: far more than sockets hold
    const source = new Readable({
      read() {
        left -= 1
        setImmediate(() => this.push(left > 0 ? chunk : null))
      }
    })
    void stream.bind(source, () => true)
    parked.resolve(response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => void server.close())
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  socket.pause()
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  const response = await parked.promise
  await once(response, 'close')
  t.notOk(response.writableFinished, 'before the end')
  socket.destroy()
})
