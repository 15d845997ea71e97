import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js'
import t from 'tap'
import { openGatewayHome } from '../helpers/gateway-home.ts'
import {
  type Endpoint,
  events,
  fixtureWorker,
  modern,
  modernCall,
  openSession,
  type Sent,
  send,
  until
} from '../helpers/mcp-http.ts'

/** A client that opens its stream again as soon as it ends, and notes how long it was without one. */
class Listener {
  /** Milliseconds from the end of a stream to the headers of the next one. */
  readonly gaps: number[] = []
  readonly heard: string[] = []
  readonly refused: number[] = []
  readonly #left = new AbortController()
  readonly #opened = Promise.withResolvers<void>()
  readonly #me: Endpoint
  readonly #request: Sent

  constructor(me: Endpoint, request: Sent) {
    this.#me = me
    this.#request = request
  }

  /** Resolves when the first stream is open. */
  async start(): Promise<void> {
    void this.#loop()
    await this.#opened.promise
  }

  stop(): void {
    this.#left.abort()
  }

  async #loop(): Promise<void> {
    const { signal } = this.#left
    let endedAt: number | undefined
    while (!signal.aborted) {
      const stream = await send(this.#me, { ...this.#request, signal }).catch(() => undefined)
      if (!stream) continue // the connection was closed under it
      if (stream.status !== 200) this.refused.push(stream.status)
      if (endedAt !== undefined) this.gaps.push(performance.now() - endedAt)
      this.#opened.resolve()
      await this.#read(stream).catch(() => {}) // cut off: it opens another one
      endedAt = performance.now()
    }
  }

  async #read(stream: Response): Promise<void> {
    for await (const { method } of events(stream)) if (method !== undefined) this.heard.push(method)
  }
}

// Clients that listen give up after some seconds (Claude Code: two tries within 3 s), or take the tools of a
// server away while they have no stream (Copilot CLI), so an upgrade must not keep them from opening another.
const PATIENCE_MS = 3000

t.test('streams are open again at once after an upgrade', async (t) => {
  const { url, users, start } = await openGatewayHome(t, {
    users: 3,
    settings: { WORKER_ENTRY: fixtureWorker('tools'), WARM_WORKERS: '2' }
  })
  const [me, asleep, old] = users.map(({ token }) => ({ url, token }))
  if (!me || !asleep || !old) throw new Error('there are three people')
  const first = start()
  await first.said('"msg":"ready"')
  const session = await openSession(me)
  const listening = modern('subscriptions/listen', { notifications: { toolsListChanged: true } })
  const all = {
    get: new Listener(me, { method: 'GET', session }),
    listen: new Listener(me, listening),
    other: new Listener(asleep, listening)
  }
  for (const listener of Object.values(all)) await listener.start()
  const official = new Client({ name: 'official', version: '1.0.0' })
  let changes = 0
  official.setNotificationHandler(ToolListChangedNotificationSchema, () => {
    changes += 1
  })
  const headers = { authorization: `Bearer ${old.token}` }
  await official.connect(
    new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } })
  )
  t.teardown(() => official.close())

  const second = start()
  await second.said('ready to take over')
  first.kill('SIGTERM')
  await second.said('"msg":"ready"')
  t.equal(await first.gone, 0)
  const change = async (who: Endpoint) =>
    void (await (await send(who, modernCall('change'))).text())
  const heard = (listener: Listener) =>
    listener.heard.filter((method) => method === 'notifications/tools/list_changed').length
  await until(async () => {
    await change(me)
    await change(asleep)
    await change(old)
    return Object.values(all).every((listener) => heard(listener) > 0) && changes > 0
  })
  for (const [name, { gaps, refused }] of Object.entries(all)) {
    t.equal(gaps.length, 1, `${name}: it broke once`)
    t.ok(Math.max(...gaps) < PATIENCE_MS, `${name}: it was back in time`, { gaps })
    t.same(refused, [], `${name}: it was let in at once`)
  }
  for (const listener of Object.values(all)) listener.stop()
})
