import { EventEmitter, once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { freePort } from '../helpers/free-port.ts'
import { openGatewayHome } from '../helpers/gateway-home.ts'
import {
  call,
  type Endpoint,
  fixtureWorker,
  messageOf,
  messagesOf,
  openSession,
  send,
  textOf
} from '../helpers/mcp-http.ts'
import { endingQuietly, type Fetch, OFFICIAL_CLIENTS } from '../helpers/official-clients.ts'
import { peerSettings } from '../helpers/peer-gateways.ts'
import { startPostgres, withoutPostgres } from '../helpers/postgres.ts'
import { becomes } from '../helpers/until.ts'

const skip =
  withoutPostgres ||
  (process.platform !== 'linux' && 'needs namespaces of Linux') ||
  (process.getuid?.() !== 0 && 'needs root, to make two machines of one')

/** In process ids of its own a gateway is on another machine, as far as others can see. */
const ELSEWHERE = ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc']
/** Longer than anybody waits here. */
const LONG_MS = 60_000

/** A proxy that ends quietly. It asks at `url`, and at `instead` when nothing listens there. */
function throughProxy(url: string, instead: string) {
  const seen = new EventEmitter()
  const either: Fetch = async (_url, init) => {
    const isGet = init?.method === 'GET'
    const response = await fetch(url, init).catch((error: unknown) => {
      if (!isGet) throw error
      return fetch(instead, init)
    })
    const type = response.headers.get('content-type')
    if (!isGet && type?.startsWith('text/event-stream')) seen.emit('stream')
    return response
  }
  return { fetch: endingQuietly(either), nextStream: () => once(seen, 'stream') }
}

t.test('a gateway that is killed is followed, by way of the others', { skip }, async (t) => {
  const server = await startPostgres(t)
  const home = await openGatewayHome(t, {
    users: 1,
    settings: { WORKER_ENTRY: fixtureWorker('tools'), DATABASE_URL: await server.newDatabase() }
  })
  const machine = async (name: string) => {
    const port = await freePort()
    const gateway = home.start(
      {
        PORT: String(port),
        OPS_PORT: String(await freePort()),
        PUBLIC_URL: `http://localhost:${port}`,
        RUN_DIR: join(home.env.RUN_DIR ?? '', '..', name),
        ...(await peerSettings())
      },
      ELSEWHERE
    )
    await gateway.said('"msg":"ready"')
    const children = `/proc/${gateway.pid}/task/${gateway.pid}/children`
    const pid = Number(readFileSync(children, 'utf8').split(' ')[0])
    const me: Endpoint = { url: `http://localhost:${port}/mcp`, token: home.users[0]?.token ?? '' }
    return { ...gateway, pid, me }
  }
  const [first, second] = [await machine('first'), await machine('second')]
  const session = await openSession(first.me)
  const who = async () =>
    textOf(await messageOf(await send(second.me, { session, body: call('who') })))
  const worker = await who()
  t.ok(worker, 'the second one passes on')

  const inFlight = [1, 2].map(async (n) => {
    const body = call('wait', { ms: LONG_MS, text: 'never' }, `mine-${n}`)
    return messagesOf(await send(second.me, { session, body }))
  })
  const waiting = async () =>
    JSON.parse(
      textOf(await messageOf(await send(second.me, { session, body: call('seen') }))) ?? '{}'
    ).waiting
  t.ok(await becomes(waiting, (n) => n === 2))
  // Their proxy knows both gateways, and makes the end of one look like the end of an answer.
  const told: Promise<{ name: string; how: unknown; at: number }>[] = []
  for (const [name, open] of Object.entries(OFFICIAL_CLIENTS)) {
    const proxy = throughProxy(first.me.url, second.me.url)
    const client = open(first.me, proxy.fetch)
    t.teardown(() => client.close())
    await client.connect()
    const begun = proxy.nextStream()
    const called = client.callTool('wait', { ms: LONG_MS, text: 'never' })
    told.push(called.catch(String).then((how) => ({ name, how, at: performance.now() })))
    await begun
  }
  process.kill(first.pid, 'SIGKILL')
  const killedAt = performance.now()
  for (const { name, how, at } of await Promise.all(told)) {
    t.match(how, /The gateway that served this account stopped during the call/, name)
    t.comment(`${name} was told ${((at - killedAt) / 1000).toFixed(2)} s after the kill`)
  }
  for (const [n, told] of (await Promise.all(inFlight)).entries()) {
    t.equal(told.length, 1, 'one message, and the end')
    t.match(told[0], { id: `mine-${n + 1}`, error: { data: { code: 'ERR_PEER_GONE' } } })
  }
  const answer = await who() // waits for the lease of the dead
  const seconds = (performance.now() - killedAt) / 1000
  t.ok(answer, 'the session goes on')
  t.not(answer, worker)
  t.comment(`served again ${seconds.toFixed(1)} s after the kill`)
})
