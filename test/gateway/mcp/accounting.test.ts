import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { asUserId } from '#shared/ids.ts'
import { CallerLimits } from '../../../gateway/mcp/caller-limits.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'
import {
  call,
  endpointOf,
  fixtureWorker,
  messageOf,
  modernCall,
  openSession,
  type Person,
  peopleOf,
  send,
  textOf,
  until,
  workersOf
} from '../../helpers/mcp-http.ts'
import { startGateway } from '../../helpers/start-gateway.ts'

t.test('what a request takes it gives back, however it ends', async (t) => {
  const settings = {
    WORKER_ENTRY: fixtureWorker('tools'),
    CALLS_PER_USER: '5',
    MAX_BODY: '64KiB',
    WORKER_LIMIT: '3',
    QUEUE_WAIT: '20s',
    LOG_LEVEL: 'warn'
  }
  const logFile = join(t.testdir(), 'log')
  const gateway = await startGateway({ settings, logFile, google: peopleOf(5) })
  t.teardown(() => gateway.close())
  const seenBy = async (me: Person) =>
    JSON.parse(textOf(await messageOf(await send(me, modernCall('seen')))) ?? '{}')
  const gauge = async (name: string) => {
    const line = (await gateway.metrics()).split('\n').find((one) => one.startsWith(`${name} `))
    return Number(line?.split(' ')[1])
  }
  /** Nothing is counted as in flight any more, anywhere. */
  const settle = () =>
    until(async () => {
      const workers = await workersOf(gateway)
      const isIdle = workers.every(({ inFlight }) => inFlight === 0)
      return isIdle && (await gauge('gmail_mcp_http_in_flight_requests')) === 0
    })

  t.test('a client that leaves ends the tool, in time', async (t) => {
    const me = endpointOf(gateway, 0)
    t.equal((await seenBy(me)).started, 0)
    const before = (await readFile(logFile, 'utf8')).split('\n').length - 1 // of the start
    const leave = new AbortController()
    const calling = send(me, {
      ...modernCall('wait', { ms: 60_000, text: '' }),
      signal: leave.signal
    })
    calling.catch(() => {})
    await until(async () => (await seenBy(me)).waiting === 1)
    leave.abort()
    await until(async () => (await seenBy(me)).aborted === 1)
    await t.rejects(calling)
    await settle()
    const warnings = (await readFile(logFile, 'utf8')).split('\n').slice(before)
    t.same(warnings, [''], 'there is nothing to warn of')
  })

  t.test('a 2025 client that leaves does not cancel; its call is no longer counted', async (t) => {
    const me = endpointOf(gateway, 0)
    const session = await openSession(me)
    const leave = new AbortController()
    const body = call('wait', { ms: 60_000, text: '' })
    const streaming = await send(me, { session, body, signal: leave.signal })
    await until(async () => (await seenBy(me)).waiting === 1)
    leave.abort()
    await t.rejects(streaming.text())
    await settle()
    t.match(await seenBy(me), { waiting: 1, aborted: 1 }, 'the tool runs on')
    await send(me, { session, body: call('release') })
  })

  t.test('too many at once are refused, one person’s only', async (t) => {
    const me = endpointOf(gateway, 1)
    const waits = Array.from({ length: 5 }, () =>
      send(me, modernCall('wait', { ms: 60_000, text: 'done' }))
    )
    const mine = async () => (await workersOf(gateway)).find(({ userId }) => userId === me.sub)
    await until(async () => (await mine())?.inFlight === 5)
    const refused = await send(me, modernCall('echo', { text: 'x' }, 'late'))
    t.equal(refused.status, 429)
    t.equal(refused.headers.get('retry-after'), '1')
    t.match(await messageOf(refused), { error: { data: { code: 'ERR_TOO_MANY_CALLS' } } })
    const other = endpointOf(gateway, 0)
    t.equal(textOf(await messageOf(await send(other, modernCall('echo', { text: 'hi' })))), 'hi')
    await gateway.admin('DELETE', `/admin/workers/${(await mine())?.id}?mode=now`)
    for (const response of await Promise.all(waits)) t.equal(response.status, 503)
    t.equal(textOf(await messageOf(await send(me, modernCall('echo', { text: 'hi' })))), 'hi')
    await settle()
  })

  t.test('who leaves while waiting for a worker starts none', async (t) => {
    const third = endpointOf(gateway, 2)
    const body = { ms: 60_000, text: '' }
    await seenBy(third)
    const busy = [0, 1, 2].map((i) => send(endpointOf(gateway, i), modernCall('wait', body)))
    await until(async () => (await workersOf(gateway)).every(({ inFlight }) => inFlight === 1))
    const leave = new AbortController()
    const waiting = send(endpointOf(gateway, 3), { ...modernCall('who'), signal: leave.signal })
    waiting.catch(() => {})
    await until(async () => (await gauge('gmail_mcp_queue_depth')) === 1)
    leave.abort()
    await until(async () => (await gauge('gmail_mcp_queue_depth')) === 0)
    for (const i of [0, 1, 2])
      await (await send(endpointOf(gateway, i), modernCall('release'))).text()
    for (const response of await Promise.all(busy)) t.equal(response.status, 200)
    t.equal((await workersOf(gateway)).length, 3)
    await settle()
  })

  t.test('a storm of good, bad, large and abandoned requests leaves nothing', async (t) => {
    const me = endpointOf(gateway, 0)
    const session = await openSession(me)
    const large = { ...call('echo', { text: 'x'.repeat(70_000) }) }
    const kinds: (() => Promise<Response>)[] = [
      () => send(me, modernCall('echo', { text: 'x' })),
      () => send(me, { session, body: call('fail') }),
      () => send(me, { session: 'unknown', body: call('echo', { text: 'x' }) }),
      () => send(me, { session, body: large }),
      () => send(me, { session, body: '{' }),
      () => send(me, { method: 'GET', session: 'unknown' }),
      () => send(me, { body: 'x', headers: { 'content-type': 'text/plain' } }),
      () => send(me, { method: 'POST' }),
      () => send({ ...me, token: 'wrong-token-wrong-token' }, { body: call('who') }),
      // More than may run at once: what is refused at the door occupies no place.
      ...Array.from(
        { length: 6 },
        () => () =>
          send(me, {
            ...modernCall('wait', { ms: 5000, text: '' }),
            signal: AbortSignal.timeout(20)
          })
      ),
      () => send(me, { session, body: call('echo', { text: 'x' }), signal: AbortSignal.timeout(1) })
    ]
    const statuses = new Map<number, number>()
    for (let round = 0; round < 8; round += 1) {
      await Promise.all(
        kinds.map(async (kind) => {
          const response = await kind().catch(() => undefined)
          await response?.text().catch(() => {})
          const status = response?.status ?? 0
          statuses.set(status, (statuses.get(status) ?? 0) + 1)
        })
      )
    }
    await settle()
    t.ok(
      [200, 400, 401, 404, 413, 415, 429].every((status) => statuses.has(status)),
      {
        statuses: Object.fromEntries(statuses)
      }
    )
    t.notOk(
      [500, 502].some((status) => statuses.has(status)),
      'nothing is our fault'
    )
    const five = await Promise.all(
      Array.from({ length: 5 }, () => send(me, modernCall('wait', { ms: 1, text: 'ok' })))
    )
    t.same(
      await Promise.all(five.map(async (one) => textOf(await messageOf(one)))),
      Array(5).fill('ok')
    )
  })

  t.test('a body that does not end is cut at the limit, unread', async (t) => {
    const me = endpointOf(gateway, 0)
    const before = process.memoryUsage().rss
    const socket = connect(gateway.config.PORT, '127.0.0.1')
    await once(socket, 'connect')
    socket.on('error', () => {}) // the gateway need not read what it refused
    socket.write(
      `POST /mcp HTTP/1.1\r\nHost: ${new URL(gateway.origin).host}\r\nAuthorization: Bearer ${me.token}\r\n` +
        'Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n'
    )
    let answer = ''
    socket.on('data', (chunk) => {
      answer += chunk
    })
    const chunk = `10000\r\n${'x'.repeat(65_536)}\r\n`
    let sent = 0
    while (!socket.destroyed && answer === '' && sent < 100_000_000) {
      if (!socket.write(chunk))
        await Promise.race([once(socket, 'drain'), once(socket, 'close')]).catch(() => {})
      sent += chunk.length
      await new Promise(setImmediate)
    }
    socket.destroy()
    t.match(answer, /^HTTP\/1\.1 413 /)
    t.match(answer, /ERR_BODY_TOO_LARGE/)
    t.match(answer, /connection: close/i)
    t.ok(sent < 20_000_000, 'soon', { sent })
    t.ok(process.memoryUsage().rss - before < 100_000_000, 'with flat memory')
    await settle()
  })
})

t.test('limits of one account', async (t) => {
  const clock = new FakeClock()
  const rules = { inFlight: 2, perSecond: 10, burst: 3, streams: 1 }
  const limits = new CallerLimits(rules, clock)
  const [ann, bob] = [asUserId('ann'), asUserId('bob')]

  t.test('calls at once', async (t) => {
    const leave = limits.enterCall(ann)
    limits.enterCall(ann)()
    clock.advance(1000)
    const second = limits.enterCall(ann)
    t.throws(() => limits.enterCall(ann), { code: 'ERR_TOO_MANY_CALLS', statusCode: 429 })
    leave()
    leave()
    const third = limits.enterCall(ann)
    // Leaving twice is leaving once.
    t.throws(() => limits.enterCall(ann), { code: 'ERR_TOO_MANY_CALLS', retryAfter: 1 })
    second()
    third()
  })

  t.test('calls per second, refilled with time', async (t) => {
    clock.advance(1000)
    for (let i = 0; i < 3; i += 1) limits.spend(ann)
    t.throws(() => limits.spend(ann), { code: 'ERR_TOO_MANY_CALLS', retryAfter: 1 })
    t.doesNotThrow(() => limits.spend(bob))
    clock.advance(100)
    limits.spend(ann)
    t.throws(() => limits.enterCall(ann), { code: 'ERR_TOO_MANY_CALLS' })
  })

  t.test('streams', async (t) => {
    const leave = limits.enterStream(ann)
    t.throws(() => limits.enterStream(ann), { code: 'ERR_TOO_MANY_STREAMS', retryAfter: 5 })
    t.doesNotThrow(() => limits.enterStream(bob))
    leave()
    t.doesNotThrow(() => limits.enterStream(ann))
  })

  t.test('accounts are forgotten, but not what they hold', async (t) => {
    const held = new CallerLimits(rules, clock)
    const leave = held.enterStream(ann)
    for (let i = 0; i < 5000; i += 1) {
      held.enterCall(asUserId(String(i)))()
      clock.advance(1000)
    }
    t.throws(() => held.enterStream(ann))
    leave()
  })
})
