import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js'
import { WebSocketClientTransport } from '@modelcontextprotocol/sdk/client/websocket.js'
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js'
import { ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js'
import t, { type Test } from 'tap'
import { WebSocket as Socket } from 'ws'
import { openStore } from '../../gateway/store/store.ts'
import {
  call,
  endpointOf,
  fixtureWorker,
  initialize,
  killWorkerOf,
  modernCall,
  type Person,
  peopleOf,
  rawEvents,
  send,
  until
} from '../helpers/mcp-http.ts'
import { startGateway, type TestGateway } from '../helpers/start-gateway.ts'

const SETTINGS = {
  WORKER_ENTRY: fixtureWorker('tools'),
  HTTP_SSE: 'on',
  WEBSOCKET: 'on',
  ALLOWED_ORIGINS: 'https://good.example',
  STREAMS_PER_USER: '4',
  CALLS_PER_USER: '4'
}

const Native = globalThis.WebSocket

/** The official client's transports of revision 1.x, over the same address. */
const TRANSPORTS: Record<string, (gateway: TestGateway, me: Person) => Transport> = {
  'HTTP+SSE': ({ origin }, { token }) =>
    new SSEClientTransport(new URL('/sse', origin), {
      requestInit: { headers: { authorization: `Bearer ${token}` } }
    }),
  WebSocket: ({ url }, { token }) => {
    // The transport makes a socket as pages do, which cannot set a header: as they do, it offers the token.
    globalThis.WebSocket = class extends Native {
      constructor(address: string | URL) {
        super(address, ['mcp', `bearer.${token}`])
      }
    }
    return new WebSocketClientTransport(new URL(url.replace(/^http/, 'ws')))
  }
}

async function connect(t: Test, transport: Transport) {
  const client = new Client({ name: 'old', version: '1.0.0' })
  await client.connect(transport)
  t.teardown(() => client.close())
  const say = async (name: string, args: Record<string, unknown> = {}) => {
    const { content } = await client.callTool({ name, arguments: args })
    const [{ text = '' } = {}] = content as { text?: string }[]
    return text
  }
  return { client, say }
}

t.test('clients of the older transports have what everybody has', async (t) => {
  const gateway = await startGateway({ google: peopleOf(6), settings: SETTINGS })
  const store = await openStore(gateway.config.DATABASE_URL)
  t.teardown(async () => {
    globalThis.WebSocket = Native
    await store.close()
    await gateway.close()
  })
  const sessionsOf = async ({ sub }: Person) => {
    const { body } = await gateway.admin('GET', `/admin/sessions?user=${sub}`)
    return (body as { sessions: { handle: string }[] }).sessions
  }
  const callsOf = async ({ sub }: Person) => {
    const { body } = await gateway.admin('GET', `/admin/calls?user=${sub}`)
    return (body as { calls: object[] }).calls
  }

  for (const [n, [name, open]] of Object.entries(TRANSPORTS).entries()) {
    t.test(`${name}: lists, calls, hears, survives its worker, and ends its session`, async (t) => {
      const me = endpointOf(gateway, n)
      const { client, say } = await connect(t, open(gateway, me))
      let changes = 0
      client.setNotificationHandler(ToolListChangedNotificationSchema, () => {
        changes += 1
      })
      t.ok((await client.listTools()).tools.some((tool) => tool.name === 'echo'))
      t.equal(await say('echo', { text: 'grüße' }), 'grüße')
      const long = 'x'.repeat(3_000_000)
      t.ok((await say('echo', { text: long })) === long, 'a long answer arrives whole')
      const many = await Promise.all(['a', 'b', 'c'].map((text) => say('echo', { text })))
      t.same(many, ['a', 'b', 'c'])
      await until(async () => {
        await (await send(me, modernCall('change'))).text()
        return changes > 0
      })
      t.equal((await sessionsOf(me)).length, 1)
      const pid = await say('who')
      await killWorkerOf(gateway, me)
      t.not(await say('who'), pid, 'the session goes on in another process')
      await client.close()
      await until(async () => (await sessionsOf(me)).length === 0)
    })

    t.test(`${name}: what is over limits is refused, in the answer to the call`, async (t) => {
      const me = endpointOf(gateway, n)
      const { client, say } = await connect(t, open(gateway, me))
      const waits = Array.from({ length: 6 }, () => say('wait', { ms: 60_000, text: 'done' }))
      const refused = await Promise.any(waits.map((wait) => wait.then(Promise.reject, String)))
      t.match(refused, /At most 4 calls of an account run at once/)
      void Promise.allSettled(waits)
      await client.close()
      // MCP 2024-11-05 and the socket know no way back to an answer once the connection is gone.
      await until(async () => (await callsOf(me)).length === 0)
      t.match(await (await send(me, modernCall('seen'))).text(), /waiting\\":0/, 'no tool runs on')
    })

    t.test(
      `${name}: ends when its access does, and when an operator ends the session`,
      async (t) => {
        const me = endpointOf(gateway, n + 2)
        for (const end of [
          async () => {
            const [session] = await sessionsOf(me)
            await gateway.admin('DELETE', `/admin/sessions/${session?.handle}`)
          },
          async () => {
            await store.db.deleteFrom('personal_tokens').where('user_id', '=', me.sub).execute()
          }
        ]) {
          const { client, say } = await connect(t, open(gateway, me))
          const closed = new Promise<void>((resolve) => {
            client.onclose = resolve
            client.onerror = () => resolve() // the event source tries again
          })
          await say('echo', { text: 'x' })
          await end()
          await closed
          await client.close()
        }
        await t.rejects(connect(t, open(gateway, me)), 'nobody is let in without access')
      }
    )
  }

  t.test('nobody posts into the connection of somebody else', async (t) => {
    const [ann, bob] = [endpointOf(gateway, 4), endpointOf(gateway, 5)]
    const at = (path: string, { token }: Person) => ({ url: `${gateway.origin}${path}`, token })
    const left = new AbortController()
    const stream = await send(at('/sse', ann), { method: 'GET', signal: left.signal })
    t.equal(stream.headers.get('content-type'), 'text/event-stream')
    const { value = '' } = await rawEvents(stream).next()
    const [, path = ''] =
      /^event: endpoint\ndata: (\/messages\?sessionId=[\w-]{32})$/.exec(value) ?? []
    t.ok(path)
    t.equal((await send(at(path, bob), { body: initialize() })).status, 404)
    t.equal((await send(at('/messages?sessionId=none', ann), { body: initialize() })).status, 404)
    t.equal((await fetch(`${gateway.origin}${path}`, { method: 'POST' })).status, 401)
    t.equal((await send(at(path, ann), { body: initialize() })).status, 202)
    const broken = await send(at(path, ann), { body: '{' })
    t.equal(broken.status, 400)
    t.match(await broken.json(), { error: { code: -32700 } })
    left.abort()
    await until(async () => (await send(at(path, ann), { body: initialize() })).status === 404)
  })

  // The official client opens its stream again after a break, and neither says which one it was nor begins anew.
  t.test('a stream that was opened again serves calls one by one', async (t) => {
    const { token } = endpointOf(gateway, 5)
    const at = (path: string) => ({ url: `${gateway.origin}${path}`, token })
    const left = new AbortController()
    const stream = await send(at('/sse'), { method: 'GET', signal: left.signal })
    const said = rawEvents(stream)
    const [, path = ''] = /^data: (.+)$/m.exec((await said.next()).value ?? '') ?? []
    t.equal((await send(at(path), { body: call('echo', { text: 'again' }) })).status, 202)
    t.match((await said.next()).value, /^event: message\ndata: .*"again"/)
    left.abort()
  })

  t.test('an upgrade is refused for the reasons of a request', async (t) => {
    const me = endpointOf(gateway, 4)
    const tried = (headers: Record<string, string>, path = '/mcp') =>
      new Promise<number>((resolve) => {
        const socket = new Socket(gateway.origin.replace(/^http/, 'ws') + path, ['mcp'], {
          headers
        })
        socket.on('open', () => socket.close())
        socket.on('open', () => resolve(101))
        socket.on('unexpected-response', (_request, { statusCode = 0 }) => resolve(statusCode))
        socket.on('error', () => {})
      })
    const authorization = `Bearer ${me.token}`
    t.equal(await tried({ authorization }), 101)
    t.equal(await tried({ authorization, origin: 'https://good.example' }), 101)
    t.equal(await tried({}), 401)
    t.equal(await tried({ authorization: 'Bearer nonsense-nonsense-nonsense' }), 401)
    t.equal(await tried({ authorization, origin: 'https://evil.example' }), 403)
    t.equal(await tried({ authorization, host: 'evil.example' }), 403)
    t.equal(await tried({ authorization }, '/nothing'), 404)
  })
})

t.test('where they are off there is nothing of them', async (t) => {
  const gateway = await startGateway({
    google: peopleOf(1),
    settings: { WORKER_ENTRY: fixtureWorker('tools') }
  })
  t.teardown(() => gateway.close())
  const me = endpointOf(gateway, 0)
  const at = (path: string) => ({ url: `${gateway.origin}${path}`, token: me.token })
  t.equal((await send(at('/sse'), { method: 'GET' })).status, 405)
  t.equal((await send(at('/messages'), { body: initialize() })).status, 404)
  const upgrade = { connection: 'upgrade', upgrade: 'websocket' }
  const socket = new Socket(gateway.url.replace(/^http/, 'ws'), { headers: upgrade })
  const status = await new Promise((resolve) => {
    socket.on('unexpected-response', (_request, answer) => resolve(answer.statusCode))
    socket.on('error', () => {})
  })
  t.equal(status, 401, 'the upgrade is ignored, the request is answered')
})
