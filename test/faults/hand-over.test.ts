import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import t, { type Test } from 'tap'
import { type GatewayHome, openGatewayHome } from '../helpers/gateway-home.ts'

const CANARY = fileURLToPath(new URL('../fixtures/workers/canary.ts', import.meta.url))
const EVERY_MS = 100
const CALL_DEADLINE_MS = 10_000

const open = (t: Test, users = 1) =>
  openGatewayHome(t, { users, settings: { WORKER_ENTRY: CANARY } })

/** The official client, which calls ten times a second on one session and notes what goes wrong. */
async function caller(t: Test, { url, users }: GatewayHome, user = 0) {
  const headers = { authorization: `Bearer ${users[user]?.token}` }
  const transport = new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } })
  const client = new Client({ name: 'hand-over', version: '1.0.0' })
  await client.connect(transport)
  t.teardown(() => client.close())
  const pids: number[] = []
  const errors: { at: number; error: string }[] = []
  let slowest = 0
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
      errors.push({ at: performance.now(), error: cause })
    }
    slowest = Math.max(slowest, performance.now() - began)
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
    slowest: () => slowest,
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
  t.ok(client.slowest() < 4000, 'no call took long', { slowest: client.slowest() })
})
