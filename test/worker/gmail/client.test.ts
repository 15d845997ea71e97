import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { systemClock } from '#shared/clock.ts'
import { ToolError } from '../../../shared/tool-error.ts'
import { AccessTokenCache } from '../../../worker/gmail/access-token-cache.ts'
import { GmailClient } from '../../../worker/gmail/client.ts'
import { QuotaBucket } from '../../../worker/gmail/quota-bucket.ts'
import { openTransport } from '../../../worker/gmail/transport.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'

const signal = new AbortController().signal

type Answer = (request: IncomingMessage, response: ServerResponse) => void

const json =
  (status: number, body: unknown, headers = {}): Answer =>
  (_, response) =>
    response
      .writeHead(status, { 'content-type': 'application/json', ...headers })
      .end(JSON.stringify(body))
const refusal = (status: number, reason: string, headers = {}) =>
  json(status, { error: { code: status, message: 'No.', errors: [{ reason }] } }, headers)
const cut: Answer = (request) => request.socket.destroy()

/** A Google that gives the answers of a list, the last one again and again. */
async function google(t: Test, answers: Answer[], clock = systemClock, unitsPerMinute = 6000) {
  const seen: { path: string; authorization: string | undefined }[] = []
  const server = createServer((request, response) => {
    seen.push({ path: request.url ?? '', authorization: request.headers.authorization })
    const answer = answers.length > 1 ? answers.shift() : answers[0]
    request.resume().on('end', () => answer?.(request, response))
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const forced: boolean[] = []
  const reported: string[] = []
  const client = new GmailClient({
    gmailOrigin: origin,
    userEmail: 'me@x.test',
    clock,
    random: () => 0,
    unitsPerMinute,
    tokens: {
      async get(force) {
        forced.push(force)
        return { accessToken: `token-${forced.length}`, expiresAt: clock.now() + 3_600_000 }
      }
    },
    report: {
      request: (method, code, _, units) => reported.push(`${method} ${code} ${units}`),
      throttled: (scope) => reported.push(`throttled ${scope}`),
      retried: (reason) => reported.push(`retried ${reason}`)
    }
  })
  return { client, seen, forced, reported, origin }
}

t.test('a call reaches Gmail with the token of the account, and is reported', async (t) => {
  const { client, seen, reported, forced } = await google(t, [json(200, { id: 'a1' })])
  const read = () => client.call('messages.get', { id: 'a1', format: 'full' }, signal)
  t.match(await Promise.all([read(), read(), read()]), [{ id: 'a1' }, { id: 'a1' }, { id: 'a1' }])
  t.match(seen[0], {
    path: '/gmail/v1/users/me/messages/a1?format=full',
    authorization: 'Bearer token-1'
  })
  t.same(forced, [false], 'one token, however many calls wait for it')
  t.same(reported, Array(3).fill('messages.get 200 20'))
})

t.test('a refused token is renewed once', async (t) => {
  const renewed = await google(t, [refusal(401, 'authError'), json(200, { id: 'a1' })])
  t.match(await renewed.client.call('messages.get', { id: 'a1' }, signal), { id: 'a1' })
  t.same(renewed.forced, [false, true])
  t.same(
    renewed.seen.map((each) => each.authorization),
    ['Bearer token-1', 'Bearer token-2']
  )
  const dead = await google(t, [refusal(401, 'authError')])
  await t.rejects(dead.client.call('labels.list', {}, signal), {
    code: 'needs_reauth',
    retryable: false
  })
  t.equal(dead.seen.length, 2)
  const { origin } = await google(t, [refusal(401, 'authError')])
  const client = new GmailClient({
    gmailOrigin: origin,
    userEmail: 'me@x.test',
    clock: systemClock,
    random: () => 0,
    tokens: { get: async () => ({ accessToken: 'the same', expiresAt: 9e15 }) },
    report: { request() {}, throttled() {}, retried() {} }
  })
  await t.rejects(
    client.call('labels.list', {}, signal),
    { code: 'upstream_unavailable', retryable: true },
    'where there is no other one yet, nobody is sent to sign in'
  )
})

t.test('a grant that is gone is told as such, without a request', async (t) => {
  const { origin, seen } = await google(t, [json(200, {})])
  const client = new GmailClient({
    gmailOrigin: origin,
    userEmail: 'me@x.test',
    clock: systemClock,
    random: () => 0,
    tokens: { get: () => Promise.reject(new ToolError('needs_reauth', 'Sign in again.')) },
    report: { request() {}, throttled() {}, retried() {} }
  })
  await t.rejects(client.call('labels.list', {}, signal), { code: 'needs_reauth' })
  t.equal(seen.length, 0)
})

t.test('what may be tried again is; what may not is not', async (t) => {
  const shaky = await google(t, [
    refusal(429, 'rateLimitExceeded'),
    refusal(503, 'backendError'),
    cut,
    json(200, { labels: [] })
  ])
  await shaky.client.call('labels.list', {}, signal)
  t.same(
    shaky.reported.filter((each) => !each.startsWith('labels')),
    [
      'throttled google',
      'retried rateLimitExceeded',
      'retried backendError',
      'retried UND_ERR_SOCKET'
    ]
  )
  const down = await google(t, [refusal(503, 'backendError')])
  await t.rejects(down.client.call('labels.list', {}, signal), {
    code: 'upstream_unavailable',
    retryable: true
  })
  t.equal(down.seen.length, 5)
  const slow = await google(t, [refusal(429, 'rateLimitExceeded', { 'retry-after': '90' })])
  await t.rejects(slow.client.call('labels.list', {}, signal), {
    code: 'rate_limited',
    retryAfterMs: 90_000
  })
  t.equal(slow.seen.length, 1)
})

t.test('a send is repeated only when it was refused before it acted', async (t) => {
  const send = (client: GmailClient) =>
    client.call('messages.send', { requestBody: { raw: 'eA' } }, signal)
  const limited = await google(t, [refusal(429, 'rateLimitExceeded'), json(200, { id: 'a1' })])
  t.match(await send(limited.client), { id: 'a1' })
  for (const answer of [refusal(503, 'backendError'), cut]) {
    const lost = await google(t, [answer, json(200, { id: 'a1' })])
    await t.rejects(send(lost.client), { code: 'outcome_unknown', retryable: false })
    t.equal(lost.seen.length, 1)
  }
})

// Gmail has no key by which it would know a second request for the first one's: each makes another thing.
t.test('what makes a new thing is not asked for again when Gmail did not say', async (t) => {
  const asks: Record<string, (client: GmailClient) => Promise<unknown>> = {
    'drafts.send': (client) => client.call('drafts.send', { requestBody: { id: 'r1' } }, signal),
    'drafts.create': (client) =>
      client.call('drafts.create', { requestBody: { message: { raw: 'eA' } } }, signal),
    'labels.create': (client) =>
      client.call('labels.create', { requestBody: { name: 'x' } }, signal),
    'filters.create': (client) =>
      client.call('filters.create', { requestBody: { criteria: { from: 'x' } } }, signal)
  }
  for (const [method, ask] of Object.entries(asks)) {
    for (const answer of [refusal(503, 'backendError'), cut]) {
      const lost = await google(t, [answer, json(200, { id: 'a1' })])
      await t.rejects(ask(lost.client), { code: 'outcome_unknown', retryable: false }, method)
      t.equal(lost.seen.length, 1, method)
    }
    const limited = await google(t, [refusal(429, 'rateLimitExceeded'), json(200, { id: 'a1' })])
    t.match(await ask(limited.client), { id: 'a1' }, method)
  }
})

t.test('an answer that cannot be read is none', async (t) => {
  const half: Answer = (_, response) =>
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"id":"a1","snip')
  const nothing: Answer = (_, response) => response.writeHead(204).end()
  const shaky = await google(t, [half, json(200, { id: 'a1' })])
  t.match(await shaky.client.call('messages.get', { id: 'a1' }, signal), { id: 'a1' })
  t.same(shaky.reported, ['messages.get network 20', 'retried unreadable', 'messages.get 200 20'])
  const empty = await google(t, [nothing])
  await t.rejects(empty.client.call('labels.list', {}, signal), { code: 'upstream_unavailable' })
  await empty.client.call('labels.delete', { id: 'x' }, signal)
  const requestBody = { raw: 'eA' }
  const lost = await google(t, [half])
  await t.rejects(lost.client.call('messages.send', { requestBody }, signal), {
    code: 'outcome_unknown'
  })
  t.equal(lost.seen.length, 1)
})

t.test('no more than five calls run at once, and a cancelled one ends', async (t) => {
  const waiting: (() => void)[] = []
  const { client } = await google(t, [
    (_, response) => waiting.push(() => json(200, { labels: [] })(_, response))
  ])
  const cancelled = new AbortController()
  const calls = Array.from({ length: 12 }, () =>
    client.call('labels.list', {}, cancelled.signal).catch((error: Error) => error.message)
  )
  while (waiting.length < 5) await turn()
  for (let turns = 0; turns < 50; turns += 1) await turn()
  t.equal(waiting.length, 5)
  cancelled.abort(new Error('cancelled'))
  t.same(await Promise.all(calls), Array(12).fill('cancelled'))
})

t.test('no request leaves for another origin, uploads and redirects included', async (t) => {
  const { origin, client, seen } = await google(t, [
    (_, response) => response.writeHead(302, { location: 'http://127.0.0.1:9/x' }).end()
  ])
  const tokens = { get: async () => ({ accessToken: 'x', expiresAt: 9e15 }) }
  const transport = await openTransport(new AccessTokenCache(tokens, systemClock), origin)
  await t.rejects(transport.request({ url: 'https://evil.test/gmail/v1/users/me/profile' }))
  await t.rejects(transport.request({ url: 'http://gmail.googleapis.com/x' }))
  t.equal(seen.length, 0)
  await t.rejects(
    transport.request({ url: 'https://gmail.googleapis.com/upload/gmail/v1/users/me/drafts' })
  )
  t.equal(seen[0]?.path, '/upload/gmail/v1/users/me/drafts')
  await t.rejects(client.call('labels.delete', { id: 'x' }, signal), {
    code: 'upstream_unavailable'
  })
})

t.test('quota units are spent in order, given back when cancelled, and run out', async (t) => {
  const clock = new FakeClock()
  const pace = new QuotaBucket(600, clock)
  t.equal(await pace.spend(600, signal), false)
  t.equal(pace.left, 0)
  const order: string[] = []
  const cancelled = new AbortController()
  const first = pace.spend(20, signal).then(() => order.push('first'))
  const given = pace.spend(100, cancelled.signal)
  const third = pace.spend(20, signal).then(() => order.push('third'))
  cancelled.abort(new Error('cancelled'))
  await t.rejects(given, { message: 'cancelled' })
  clock.advance(2000)
  await first
  t.same(order, ['first'])
  clock.advance(12_000)
  await third
  clock.advance(3_600_000)
  t.equal(pace.left, 600, 'no more than one minute is saved up')
  await pace.spend(600, signal)
  await t.rejects(pace.spend(500, signal), { code: 'rate_limited', retryAfterMs: 50_000 })
})
