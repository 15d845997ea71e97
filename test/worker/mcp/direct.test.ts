import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { McpServer } from '@modelcontextprotocol/server'
import t, { type Test } from 'tap'
import { asSessionId } from '#shared/ids.ts'
import { sessionHash } from '#shared/session-hash.ts'
import { createEndpoint } from '../../../worker/mcp/endpoint.ts'

const ID = asSessionId('a-session')
const VERSION = '2025-11-25'
const INITIALIZE = {
  protocolVersion: VERSION,
  capabilities: {},
  clientInfo: { name: 'test', version: '1' }
}

function build(finish: Promise<void>): McpServer {
  const server = new McpServer({ name: 'test', version: '1' })
  const done = { content: [{ type: 'text' as const, text: 'done' }] }
  server.registerTool('now', {}, () => done)
  server.registerTool('steps', {}, async ({ mcpReq }) => {
    const params = { progressToken: 'p', progress: 1, total: 2 }
    await mcpReq.notify({ method: 'notifications/progress', params })
    return done
  })
  server.registerTool('later', {}, async () => {
    await finish
    return done
  })
  server.registerTool('fails', {}, () => {
    throw new Error('on purpose')
  })
  const scopeChallenge = () => ({ scopes: ['more'] as const })
  server.registerTool('refused', { scopeChallenge }, () => done)
  const broken = () => Promise.reject(new Error('on purpose'))
  server.registerTool('undecided', { scopeChallenge: broken }, () => done)
  return server
}

const SESSION = { sessionId: ID, version: VERSION, authInfo: undefined } as const

/** A worker's endpoint with one session, and a way to post to it that says what was left to the SDK. */
async function start(t: Pick<Test, 'teardown'>) {
  const finish = Promise.withResolvers<void>()
  const record = { opened: async () => {}, abandoned() {} }
  const endpoint = createEndpoint(
    () => build(finish.promise),
    record,
    () => {}
  )
  await endpoint.sessions.restore(ID, INITIALIZE)
  const server = createServer(async (request, to) => {
    const body: unknown = JSON.parse(Buffer.concat(await request.toArray()).toString())
    const { session = ID, version = VERSION } = Object.fromEntries(
      new URL(request.url ?? '', 'http://localhost').searchParams
    )
    const asked = { ...SESSION, sessionId: session, version, to }
    if (!(await endpoint.serveDirectly(body, asked))) to.writeHead(404).end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo // of a server that listens on TCP
  const post = (name: string, id: string | number = 1, query = '') =>
    fetch(`http://127.0.0.1:${port}/?${query}`, {
      method: 'POST',
      body: JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params: { name } })
    })
  const notify = (method: string, params: object) =>
    endpoint.fetch(
      new Request('http://localhost/mcp', {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
          'mcp-session-id': ID
        },
        body: JSON.stringify({ jsonrpc: '2.0', method, params })
      }),
      undefined
    )
  return { endpoint, finish, post, notify }
}

const typeOf = ({ headers }: Response) => headers.get('content-type')
const DONE = { content: [{ type: 'text', text: 'done' }] }

t.test('an answer that comes first and soon is JSON, with its own id', async (t) => {
  const { post } = await start(t)
  for (const id of [7, 'seven', '']) {
    const response = await post('now', id)
    t.equal(typeOf(response), 'application/json')
    t.equal(response.headers.get('mcp-session-id'), ID)
    t.same(await response.json(), { jsonrpc: '2.0', id, result: DONE })
  }
  const failed = await post('fails')
  t.match(await failed.json(), { id: 1, result: { isError: true } })
})

t.test('what precedes an answer opens a stream', async (t) => {
  const { post } = await start(t)
  const response = await post('steps')
  t.equal(typeOf(response), 'text/event-stream')
  const events = (await response.text()).split('\n\n').filter((event) => event !== '')
  const messages = events.map((event) => JSON.parse(event.replace(/^event: message\ndata: /, '')))
  t.match(messages, [{ method: 'notifications/progress' }, { id: 1, result: DONE }])
})

t.test('a client that has to wait knows at once that it is heard', async (t) => {
  const { post, finish } = await start(t)
  const both = await Promise.all([post('later'), post('later')]) // with equal ids
  for (const response of both) t.equal(typeOf(response), 'text/event-stream')
  finish.resolve()
  for (const response of both)
    t.match(await response.text(), /^event: message\ndata: \{.*"id":1\b.*\n\n$/)
})

t.test(
  'a call that is cancelled, or whose session ends, gets no answer, and its stream ends',
  async (t) => {
    const { endpoint, post, notify } = await start(t)
    const cancelled = await post('later', 'first')
    const ended = await post('later', 'second')
    t.equal((await notify('notifications/cancelled', { requestId: 'first' })).status, 202)
    t.equal(await cancelled.text(), '')
    await endpoint.sessions.end(sessionHash(ID))
    t.equal(await ended.text(), '')
    t.equal((await post('now')).status, 404, 'and nothing of it is served any more')
  }
)

t.test('a client that has left is not written to', async (t) => {
  const { endpoint, finish, post } = await start(t)
  const left = await post('later')
  await left.body?.cancel()
  await sleep(10)
  finish.resolve()
  await sleep(10)
  t.equal((await post('now', 2)).status, 200)
  await endpoint.close()
})

t.test('what there is something to say about is left to the SDK', async (t) => {
  const { post } = await start(t)
  t.equal((await post('now', 1, 'version=2031-01-01')).status, 404)
  t.equal((await post('now', 1, 'session=another')).status, 404)
  t.equal((await post('refused')).status, 404)
  t.equal((await post('undecided')).status, 404)
})
