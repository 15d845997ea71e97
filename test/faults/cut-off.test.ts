import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import {
  call,
  type Endpoint,
  fixtureWorker,
  messageOf,
  openSession,
  send,
  textOf
} from '../helpers/mcp-http.ts'
import { peerSettings } from '../helpers/peer-gateways.ts'
import { startPostgres, withoutPostgres } from '../helpers/postgres.ts'
import { isAlive } from '../helpers/processes.ts'
import { startGateway } from '../helpers/start-gateway.ts'
import { becomes, until } from '../helpers/until.ts'

/** Longer than a lease lasts, and than anybody waits here. */
const LONG_MS = 30_000

/** A network between a gateway and its database, which can be made to swallow everything without a word. */
async function network(t: Test, port: number) {
  const open = new Set<Socket>()
  let isCut = false
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1')
    for (const [from, to] of [
      [near, far],
      [far, near]
    ] as const) {
      open.add(from)
      from.on('data', (bytes) => void (isCut || to.write(bytes)))
      from.on('error', () => to.destroy())
      from.on('close', () => {
        open.delete(from)
        if (!isCut) to.destroy()
      })
    }
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const end = (): void => {
    for (const socket of open) socket.destroy()
  }
  t.teardown(() => {
    end()
    server.close()
  })
  const address = server.address()
  return {
    port: typeof address === 'object' ? (address?.port ?? 0) : 0,
    cut: () => (isCut = true),
    /** What was open is lost, as after a long cut. */
    mend() {
      isCut = false
      end()
    }
  }
}

t.test('a gateway that is cut off from the database', { skip: withoutPostgres }, async (t) => {
  const postgres = await startPostgres(t)
  const direct = new URL(await postgres.newDatabase())
  const wire = await network(t, postgres.port)
  const through = new URL(direct)
  through.port = String(wire.port)
  const directory = t.testdir()
  const start = async (name: string, url: URL) => {
    const gateway = await startGateway({
      directory,
      connected: name === 'first',
      settings: {
        WORKER_ENTRY: fixtureWorker('tools'),
        DATABASE_URL: url.href,
        RUN_DIR: `${directory}/${name}`,
        ...(await peerSettings())
      }
    })
    t.teardown(() => gateway.close())
    return gateway
  }
  const first = await start('first', through)
  const second = await start('second', direct)
  const me: Endpoint = first
  const there: Endpoint = { url: second.url, token: first.token }
  const session = await openSession(me)
  const ask = async (at: Endpoint) => {
    const response = await send(at, { session, body: call('who') })
    if (response.status === 200) return textOf(await messageOf(response))
    await response.text()
    return undefined
  }
  const worker = await ask(me)
  t.ok(worker)
  t.equal(await ask(there), worker, 'the other one passes on')
  const { body } = await first.admin('GET', '/admin/workers')
  const { pid } = (body as { workers: { pid: number }[] }).workers[0] ?? { pid: 0 }
  t.ok(isAlive(pid))

  wire.cut()
  t.ok(await until(() => !isAlive(pid), LONG_MS), 'its worker ends before another may start')
  t.equal((await fetch(`${first.opsUrl}/ready`)).status, 503, 'it says so')
  t.equal((await send(me, { session, body: call('who') })).status, 503, 'it serves nobody')
  t.match(await first.metrics(), /gmail_mcp_store_trouble\{kind="away"\} 1/)
  const end = performance.now() + LONG_MS
  let answer: string | undefined
  while (answer === undefined && performance.now() < end) answer = await ask(there)
  t.ok(answer, 'the session goes on at the other one')
  t.not(answer, worker)

  wire.mend()
  const isReady = async () => (await fetch(`${first.opsUrl}/ready`)).status
  t.equal(await becomes(isReady, (status) => status === 200), 200, 'it comes back by itself')
  t.equal(await ask(me), answer, 'and leads to the one that serves')
})
