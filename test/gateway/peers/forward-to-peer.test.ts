import { connect } from 'node:tls'
import t from 'tap'
import * as z from 'zod'
import {
  call,
  type Endpoint,
  events,
  messageOf,
  messagesOf,
  modern,
  modernCall,
  openSession,
  peopleOf,
  send,
  textOf
} from '../../helpers/mcp-http.ts'
import { startPeerGateways } from '../../helpers/peer-gateways.ts'
import { withoutPostgres } from '../../helpers/postgres.ts'
import { TEST_CERTIFICATE, TEST_KEY } from '../../helpers/test-certificate.ts'
import { becomes } from '../../helpers/until.ts'

t.test('any gateway takes any request', { skip: withoutPostgres }, async (t) => {
  const [first, second, third] = await startPeerGateways(t, 3, { google: peopleOf(4) })
  if (!first || !second || !third) throw new Error('three were asked for')
  const at = ({ url }: { url: string }, n: number): Endpoint => ({
    url,
    token: first.users[n]?.token ?? ''
  })
  const who = async (to: Endpoint, session?: string) =>
    textOf(await messageOf(await send(to, { body: call('who'), session })))
  const whoStateless = async (to: Endpoint) =>
    textOf(await messageOf(await send(to, modernCall('who'))))

  t.test('the one that was asked first serves, the others pass on', async (t) => {
    const session = await openSession(at(first, 0))
    const worker = await who(at(first, 0), session)
    t.ok(worker)
    for (const gateway of [second, third, first]) {
      t.equal(await who(at(gateway, 0), session), worker)
      t.equal(await whoStateless(at(gateway, 0)), worker)
    }
    t.match(
      await second.metrics(),
      /^gmail_mcp_peer_requests_total\{result="answered"\} 2$/m,
      'and it counts'
    )
    t.match(await first.metrics(), /^gmail_mcp_peer_requests_total\{result="answered"\} 0$/m)
  })

  t.test('who comes to several at once gets one worker', async (t) => {
    const answers = await Promise.all(
      [first, second, third, second, third, first].map((gateway) => whoStateless(at(gateway, 1)))
    )
    t.equal(new Set(answers).size, 1, answers.join())
    t.ok(answers[0])
  })

  t.test('streams of both eras, progress, and what is announced on them', async (t) => {
    const session = await openSession(at(second, 2))
    const stream = await send(at(first, 2), { method: 'GET', session })
    t.equal(stream.status, 200)
    t.equal(stream.headers.get('mcp-session-id'), session)
    const heard = events(stream)
    const listening = modern(
      'subscriptions/listen',
      { notifications: { toolsListChanged: true } },
      'sub'
    )
    const subscribed = events(await send(at(third, 2), listening))
    t.match((await subscribed.next()).value, { method: 'notifications/subscriptions/acknowledged' })
    const progress = call('progress', { steps: 3 }, 7, { progressToken: 'p' })
    const told = await messagesOf(await send(at(third, 2), { body: progress, session }))
    t.equal(told.filter(({ method }) => method === 'notifications/progress').length, 3)
    t.equal(textOf(told.at(-1) ?? {}), '3 steps')
    await messageOf(await send(at(first, 2), { body: call('change'), session }))
    t.match((await heard.next()).value, { method: 'notifications/tools/list_changed' })
    t.match((await subscribed.next()).value, { method: 'notifications/tools/list_changed' })
    const ended = await send(at(third, 2), { method: 'DELETE', session })
    t.equal(ended.status, 200)
    t.ok((await heard.next()).done, 'the stream of a session ends with it')
    await subscribed.return(undefined)
    t.equal((await send(at(first, 2), { body: call('who'), session })).status, 404)
  })

  t.test('whoever leaves ends the call where it is served', async (t) => {
    const session = await openSession(at(first, 0))
    const seen = async () => {
      const answer = await messageOf(
        await send(at(first, 0), { body: call('seen', {}, 9), session })
      )
      return JSON.parse(textOf(answer) ?? '{}') as { waiting: number; aborted: number }
    }
    const { aborted } = await seen()
    const left = new AbortController()
    const waits = modernCall('wait', { ms: 60_000, text: 'never' })
    const waiting = send(at(second, 0), { ...waits, signal: left.signal }).catch(() => undefined)
    t.ok(await becomes(seen, (now) => now.waiting === 1))
    left.abort()
    await waiting
    t.ok(await becomes(seen, (now) => now.waiting === 0 && now.aborted === aborted + 1))
  })

  t.test('limits, bodies and errors are those of one gateway', async (t) => {
    const long = 'x'.repeat(300_000)
    const echoed = await messageOf(await send(at(second, 0), modernCall('echo', { text: long })))
    t.equal(textOf(echoed), long, 'a body is streamed')
    const tooLarge = await send(
      at(second, 0),
      modernCall('echo', { text: 'x'.repeat(9 * 2 ** 20) })
    )
    t.equal(tooLarge.status, 413)
    await tooLarge.text()
    const unknown = await send(at(second, 0), { body: call('who'), session: 'no-such-session' })
    t.equal(unknown.status, 404)
    t.match(await unknown.json(), { error: { code: -32001 } })
    const died = await messageOf(await send(at(third, 0), modernCall('die', {}, 'mine')))
    t.match(died, { id: 'mine', error: { data: { code: 'ERR_WORKER_GONE' } } })
    const named = await send(at(third, 0), {
      ...modernCall('echo', { text: 'a' }),
      headers: { ...modernCall('echo').headers, 'x-request-id': 'asked-by-me' }
    })
    t.equal(named.headers.get('x-request-id'), 'asked-by-me')
    await named.text()
  })

  t.test('nobody says from outside who they are', async (t) => {
    const forged = Buffer.from(
      JSON.stringify({
        userId: first.users[1]?.sub,
        clientId: 'c',
        credential: 'session',
        accessId: '',
        level: 'gmail.modify',
        expiresAt: 2 ** 40
      })
    ).toString('base64url')
    const own = await whoStateless(at(first, 0))
    const { body, headers } = modernCall('who')
    const said = { ...headers, 'x-gateway-caller': forged }
    const answer = await messageOf(await send(at(second, 0), { body, headers: said }))
    t.equal(textOf(answer), own, 'the token counts')
    const url = `${first.origin}/mcp`
    t.equal((await send({ url, token: 'none' }, { body, headers: said })).status, 401)

    const { port } = new URL(first.config.PEER_URL ?? '')
    const open = async (shown: object): Promise<string> => {
      const socket = connect({
        port: Number(port),
        servername: 'localhost',
        ca: TEST_CERTIFICATE,
        ...shown
      })
      socket.on('error', () => {}) // as TLS tells of a refusal
      const ended = new Promise((resolve) => void socket.once('close', resolve))
      let text = ''
      socket.on('data', (chunk: Buffer) => {
        text += chunk.toString()
        socket.end()
      })
      socket.write(`GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n`)
      await ended
      return text
    }
    t.equal(await open({}), '', 'who shows no certificate has no request')
    t.match(await open({ cert: TEST_CERTIFICATE, key: TEST_KEY }), /^HTTP\/1.1 200/)
  })

  t.test('whoever is full leaves the next one to the least loaded', async (t) => {
    t.equal((await first.admin('POST', '/admin/drain')).status, 200)
    const worker = await whoStateless(at(first, 3))
    t.ok(worker, 'a gateway that takes nobody passes everybody on')
    t.equal(await whoStateless(at(second, 3)), worker)
    const large = modernCall('echo', { text: 'x'.repeat(2 * 2 ** 20) })
    const refused = await messageOf(await send(at(second, 0), large))
    // Its body is gone and was not taken: nothing was begun, and its client may send it again.
    t.match(refused, { error: { data: { code: 'ERR_LEASE_HELD' } } })
    t.ok(
      await whoStateless(at(second, 1)),
      'those whom it has served are given up, wherever they call'
    )
    t.ok(await whoStateless(at(first, 0)))
    const itself = z.object({
      nodes: z.array(z.object({ node: z.string(), isAsked: z.boolean() }))
    })
    const { nodes } = itself.parse((await first.admin('GET', '/admin/nodes')).body)
    const path = `/admin/workers?node=${nodes.find(({ isAsked }) => isAsked)?.node}`
    const left = z.object({ workers: z.array(z.object({ userId: z.string().nullable() })) })
    const { workers } = left.parse((await first.admin('GET', path)).body)
    const served = workers.map(({ userId }) => userId)
    for (const n of [0, 1, 3]) t.notOk(served.includes(first.users[n]?.sub ?? ''))
  })

  t.test('a gateway that stops waits for the calls that it has passed on', async (t) => {
    const session = await openSession(at(second, 1))
    const stream = await send(at(first, 1), { method: 'GET', session })
    const waiting = send(at(first, 1), modernCall('wait', { ms: 3000, text: 'in the end' }))
    const seen = async () => {
      const told = await messageOf(
        await send(at(second, 1), { body: call('seen', {}, 9), session })
      )
      return JSON.parse(textOf(told) ?? '{}') as { waiting: number }
    }
    t.match(await becomes(seen, (now) => now.waiting === 1), { waiting: 1 })
    const closing = first.close()
    t.ok((await events(stream).next()).done, 'a stream ends, and its client opens another')
    t.equal(textOf(await messageOf(await waiting)), 'in the end')
    await closing
  })
})
