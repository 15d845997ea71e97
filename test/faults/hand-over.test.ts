import { once } from 'node:events'
import { createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import t, { type Test } from 'tap'
import { type GatewayHome, openGatewayHome } from '../helpers/gateway-home.ts'

const CANARY = fileURLToPath(new URL('../fixtures/workers/canary.ts', import.meta.url))
const EVERY_MS = 100
/** A call that takes longer has failed. */
const CALL_DEADLINE_MS = 10_000

/** Calls wait while a worker starts, which takes long on a machine that has other things to do: none is one too many. */
const open = (t: Test, users = 1) =>
  openGatewayHome(t, { users, settings: { WORKER_ENTRY: CANARY, CALLS_PER_USER: '500' } })

/** The official client, which calls ten times a second on one session and notes what goes wrong. */
async function caller(t: Test, { url, users }: GatewayHome, user = 0) {
  const headers = { authorization: `Bearer ${users[user]?.token}` }
  const transport = new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } })
  const client = new Client({ name: 'hand-over', version: '1.0.0' })
  await client.connect(transport)
  t.teardown(() => client.close())
  const pids: number[] = []
  const errors: { began: number; error: string }[] = []
  let isCalling = true
  const call = async (n: number): Promise<void> => {
    const began = performance.now()
    try {
      const { content } = await client.callTool(
        { name: 'canary', arguments: { nonce: `n${n}`, ms: n % 5 === 0 ? 150 : 0 } },
        undefined,
        { timeout: CALL_DEADLINE_MS }
      )
      const [{ text = '' } = {}] = content as { text?: string }[]
      const [, nonce, pid] = text.split(' ')
      if (nonce !== `n${n}`) throw new Error(`call ${n} was answered with ${nonce}`)
      pids.push(Number(pid))
    } catch (error) {
      const cause = error instanceof Error ? `${error.message} ${String(error.cause ?? '')}` : ''
      errors.push({ began, error: cause })
    }
  }
  const loop = (async () => {
    const calls: Promise<void>[] = []
    for (let n = 0; isCalling; n += 1) {
      calls.push(call(n))
      await delay(EVERY_MS)
    }
    await Promise.all(calls)
  })()
  return {
    pids,
    errors,
    sessionId: transport.sessionId,
    async stop() {
      isCalling = false
      await loop
    },
    session: () => transport.sessionId
  }
}

t.test('a client that calls ten times a second notices nothing of an upgrade', async (t) => {
  const home = await open(t)
  const first = home.start()
  await first.said('"msg":"ready"')
  const client = await caller(t, home)
  const second = home.start()
  await second.said('ready to take over')
  await delay(500)
  const before = new Set(client.pids)
  first.kill('SIGTERM')
  t.equal(await first.gone, 0, 'the first one ends well')
  await second.said('"msg":"ready"')
  await delay(1000)
  await client.stop()
  t.same(client.errors, [])
  t.equal(client.session(), client.sessionId, 'the session is the same')
  t.equal(before.size, 1, 'one process served it before')
  t.equal(new Set(client.pids).size, 2, 'and another one after')
})

t.test('nor do ten clients of five accounts, two upgrades in a row', async (t) => {
  const home = await open(t, 5)
  let serving = home.start()
  await serving.said('"msg":"ready"')
  const users = Array.from({ length: 10 }, (_, n) => n % 5)
  const clients = await Promise.all(users.map((user) => caller(t, home, user)))
  for (let upgrade = 0; upgrade < 2; upgrade += 1) {
    const next = home.start()
    await next.said('ready to take over')
    serving.kill('SIGTERM')
    t.equal(await serving.gone, 0)
    await next.said('"msg":"ready"')
    serving = next
    await delay(500)
  }
  await Promise.all(clients.map((client) => client.stop()))
  t.same(
    clients.flatMap(({ errors }) => errors),
    []
  )
})

t.test('a gateway that is killed is followed at once, its sessions go on', async (t) => {
  const home = await open(t)
  const first = home.start()
  await first.said('"msg":"ready"')
  const client = await caller(t, home)
  const second = home.start()
  await second.said('ready to take over')
  const before = new Set(client.pids)
  const killedAt = performance.now()
  first.kill('SIGKILL')
  t.equal(await first.gone, 'SIGKILL')
  await second.said('"msg":"ready"')
  await delay(1500)
  await client.stop()
  // The client waits in vain for the answer to a call that was under way: it sees its stream end, and no more.
  const late = client.errors.filter(({ began }) => began > killedAt + 1000)
  t.same(late, [], 'after a second no call fails any more')
  t.equal(client.session(), client.sessionId, 'the session is the same')
  t.notSame(client.pids.at(-1), [...before][0], 'another process answers')
})

t.test('a port that another program has is told of, one that it would share as well', async (t) => {
  const home = await open(t)
  const other = createServer()
  other.listen({ host: '127.0.0.1', port: home.port, reusePort: true })
  await once(other, 'listening')
  const alone = home.start()
  t.equal(await alone.gone, 69)
  t.match(alone.output(), `PORT ${home.port} is in use by another program`)
  other.close()

  const first = home.start()
  await first.said('"msg":"ready"')
  const stranger = await open(t)
  const ports = { PORT: String(home.port), OPS_PORT: String(home.opsPort) }
  const second = stranger.start(ports)
  t.equal(await second.gone, 69, 'a gateway over another store is another program')
  t.match(second.output(), `OPS_PORT ${home.opsPort} is in use by another program`)
  first.kill('SIGTERM')
  t.equal(await first.gone, 0)
})

t.test('a gateway that waits for the ports can be stopped', async (t) => {
  const home = await open(t)
  const first = home.start()
  await first.said('"msg":"ready"')
  const second = home.start()
  await second.said('ready to take over')
  second.kill('SIGTERM')
  t.equal(await second.gone, 0)
  t.equal((await fetch(`${home.ops}/health`)).status, 200, 'the first one serves')
  first.kill('SIGTERM')
  t.equal(await first.gone, 0)
})
