import { once } from 'node:events'
import { Agent, request } from 'node:http'
import t from 'tap'
import {
  call,
  endpointOf,
  fixtureWorker,
  initialize,
  messageOf,
  messagesOf,
  modern,
  modernCall,
  openSession,
  peopleOf,
  send
} from '../helpers/mcp-http.ts'
import { rawHttp } from '../helpers/raw-http.ts'
import { startGateway } from '../helpers/start-gateway.ts'

const ORIGIN = 'https://good.example'
const ping = (id: string | number) => ({ jsonrpc: '2.0', id, method: 'ping' })

t.test('HTTP is taken as it comes', async (t) => {
  const gateway = await startGateway({
    google: peopleOf(4),
    settings: {
      WORKER_ENTRY: fixtureWorker('tools'),
      ALLOWED_ORIGINS: ORIGIN,
      CALLS_PER_USER: '20',
      CALL_BURST: '150',
      CALL_RATE: '1'
    }
  })
  t.teardown(() => gateway.close())
  const { port } = new URL(gateway.url)
  const me = endpointOf(gateway, 0)
  const raw = async (start: string, headers: Record<string, string> = {}, body = '') => {
    const fields = {
      Host: `localhost:${port}`,
      Authorization: `Bearer ${me.token}`,
      Connection: 'close',
      ...(body !== '' && { 'Content-Length': String(body.length) }),
      ...headers
    }
    const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}`)
    const answer = await rawHttp(
      Number(port),
      `${[`${start} HTTP/1.1`, ...lines].join('\r\n')}\r\n\r\n${body}`
    )
    return { status: Number(answer.split(' ')[1]), answer }
  }

  // RFC 9112 §9.3: on a connection that stays open, the rest of a body has to be read, or the next request waits behind it.
  t.test('what comes after a large body that was refused is answered', async (t) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    t.teardown(() => agent.destroy())
    const ask = async (path: string, headers: Record<string, string>, body?: string) => {
      const asked = request({
        ...{ agent, path, port, headers, host: '127.0.0.1' },
        method: body === undefined ? 'GET' : 'POST'
      })
      asked.end(body)
      const [response] = await once(asked, 'response', { signal: AbortSignal.timeout(20_000) })
      response.resume()
      await once(response, 'end')
      return response.statusCode
    }
    const large = JSON.stringify(call('echo', { text: 'x'.repeat(4 * 2 ** 20) }))
    const headers = {
      authorization: `Bearer ${me.token}`,
      'content-type': 'application/json',
      'content-length': String(large.length)
    }
    const accept = 'application/json, text/event-stream'
    const refused: [status: number, headers: Record<string, string>][] = [
      [404, { accept, 'mcp-session-id': 'none' }],
      [406, { accept: 'text/html' }],
      [415, { accept, 'content-type': 'text/plain' }],
      [401, { accept, authorization: 'Bearer none' }]
    ]
    for (const [status, more] of refused) {
      t.equal(await ask('/mcp', { ...headers, ...more }, large), status)
      t.equal(await ask('/health', {}), 200, `after ${status}`)
    }
  })

  // MCP 2025-11-25, Session Management 5; RFC 9110 §9.3.5: content of a DELETE means nothing.
  t.test('DELETE ends a session, whatever is said of a body', async (t) => {
    for (const headers of [
      { 'Content-Type': 'application/json' },
      { 'Content-Type': 'application/json', 'Content-Length': '0' },
      { 'Content-Type': 'text/nonsense;;' }
    ]) {
      const session = await openSession(me)
      const ended = await raw('DELETE /mcp', { 'Mcp-Session-Id': session, ...headers })
      t.equal(ended.status, 200)
      t.equal((await send(me, { session, body: ping(1) })).status, 404)
    }
  })

  // RFC 9110 §12.5.1; MCP 2026-07-28 lets clients take JSON alone.
  t.test('who takes one form gets that one, in both eras', async (t) => {
    const session = await openSession(me)
    for (const [accept, type] of [
      ['application/json', 'application/json'],
      ['APPLICATION/*', 'application/json'],
      ['text/event-stream', 'text/event-stream'],
      ['*/*;q=0.1, application/json;q=0', 'text/event-stream']
    ] as const) {
      const old = await send(me, {
        session,
        headers: { accept },
        body: call('echo', { text: 'x' })
      })
      t.equal(old.status, 200)
      t.match(old.headers.get('content-type'), type)
      t.match(await messageOf(old), { id: 1, result: {} })
      const { body, headers } = modernCall('echo', { text: 'x' })
      const young = await send(me, { headers: { ...headers, accept }, body })
      t.match(young.headers.get('content-type'), type)
      t.match(await messageOf(young), { id: 1, result: {} })
    }
    const html = await send(me, { session, headers: { accept: 'text/html' }, body: ping(9) })
    t.equal(html.status, 406)
    t.match(await messageOf(html), { id: 9, error: {} })
    const both = await send(me, {
      session,
      headers: { accept: 'application/json', 'mcp-protocol-version': '2025-03-26' },
      body: [ping(1), ping(2)]
    })
    t.same(
      (await messagesOf(both)).map(({ id }) => id),
      [1, 2],
      'a batch is answered by one'
    )
  })

  t.test('a content type may come twice, another one is refused by its status', async (t) => {
    const twice = 'application/json, application/json; charset=utf-8'
    const taken = await send(me, { headers: { 'content-type': twice }, body: initialize() })
    t.equal(taken.status, 200)
    const packed = await send(me, { headers: { 'content-encoding': 'gzip' }, body: ping(5) })
    t.equal(packed.status, 415)
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'no type at all']) {
      const refused = await send(me, { headers: { 'content-type': type }, body: ping(5) })
      t.equal(refused.status, 415, type)
      t.match(await messageOf(refused), { error: { message: /application\/json/ } })
    }
  })

  // RFC 9112 §3.2.2: servers MUST accept the absolute form.
  t.test('a target in absolute form is served on its host, and on no other', async (t) => {
    const body = JSON.stringify(initialize())
    const type = { 'Content-Type': 'application/json' }
    t.equal((await raw(`POST http://localhost:${port}/mcp`, type, body)).status, 200)
    t.equal((await raw(`POST http://evil.example/mcp`, type, body)).status, 403)
  })

  // RFC 9110 §15.5.6: 405 names the methods that there are; §9.3.7: OPTIONS asks for them.
  t.test('methods that /mcp does not have are named so', async (t) => {
    for (const method of ['HEAD', 'PUT', 'PATCH', 'PROPFIND']) {
      const { status, answer } = await raw(`${method} /mcp`)
      t.equal(status, 405, method)
      t.match(answer, /^allow: GET, POST, DELETE, OPTIONS\r$/im)
    }
    const anonymous = await fetch(gateway.url, { method: 'HEAD' })
    t.equal(anonymous.status, 401, 'a client that begins to sign in so finds the way')
    t.match(anonymous.headers.get('www-authenticate'), /resource_metadata=/)
    const { status, answer } = await raw('OPTIONS /mcp')
    t.equal(status, 204)
    t.match(answer, /^allow: GET, POST, DELETE, OPTIONS\r$/im)
    const young = await raw('GET /mcp', { 'MCP-Protocol-Version': '2026-07-28' })
    t.equal(young.status, 405)
    t.match(
      young.answer,
      /^allow: POST, OPTIONS\r$/im,
      'the younger revision has no streams by GET'
    )
  })

  t.test('/mcp/ and /sse are the endpoint as well', async (t) => {
    for (const path of ['/mcp/', '/sse', '/mcp/?x=1']) {
      const url = `${gateway.origin}${path}`
      t.equal((await send({ url, token: me.token }, { body: initialize() })).status, 200, path)
      t.equal((await fetch(url, { method: 'POST' })).status, 401, path)
    }
    t.equal((await raw('POST /mcp//')).status, 404)
    // RFC 9728 §3.3: the resource is the one that the client has asked for.
    for (const path of ['/mcp', '/sse']) {
      const challenge = (await fetch(`${gateway.origin}${path}`)).headers.get('www-authenticate')
      const [, metadata = ''] = /resource_metadata="([^"]+)"/.exec(challenge ?? '') ?? []
      t.match(await (await fetch(metadata)).json(), { resource: `${gateway.origin}${path}` })
    }
  })

  // Fetch, CORS protocol: without these fields a page cannot read the answer, be it an error or a stream.
  t.test('every answer to an allowed origin says so', async (t) => {
    const session = await openSession(me)
    const origin = { origin: ORIGIN }
    const stream = new AbortController()
    const listening = modern('subscriptions/listen', { notifications: { toolsListChanged: true } })
    const answers = [
      send(me, { method: 'GET', session, headers: origin, signal: stream.signal }),
      send(me, {
        ...listening,
        headers: { ...listening.headers, ...origin },
        signal: stream.signal
      }),
      send(me, { session, headers: origin, body: ping(1) }),
      send(me, { session: 'unknown', headers: origin, body: ping(1) }),
      send(me, { headers: { ...origin, 'content-type': 'text/plain' }, body: 'x' }),
      send(me, { headers: origin, body: '{' }),
      send(me, { method: 'PUT', headers: origin }),
      fetch(gateway.url, { method: 'POST', headers: origin }),
      fetch(`${gateway.origin}/nothing`, { headers: origin })
    ]
    for (const answer of await Promise.all(answers)) {
      t.equal(answer.headers.get('access-control-allow-origin'), ORIGIN, String(answer.status))
      t.match(answer.headers.get('access-control-expose-headers'), /mcp-session-id/)
      t.match(answer.headers.get('vary'), /origin/i)
    }
    stream.abort()
    const foreign = await send(me, { headers: { origin: 'https://evil.example' }, body: ping(3) })
    t.equal(foreign.status, 403)
    t.equal(foreign.headers.get('access-control-allow-origin'), null)
  })

  // JSON-RPC 2.0 §5: the id is that of the request, and null only when it could not be read.
  t.test('an error names the request that it answers', async (t) => {
    const wrong = { url: me.url, token: 'a-token-that-nobody-was-given' }
    for (const [status, answer] of [
      [401, await send(wrong, { body: ping('a') })],
      [404, await send(me, { session: 'unknown', body: ping('a') })],
      [415, await send(me, { headers: { 'content-type': 'text/plain' }, body: ping('a') })],
      [403, await send(me, { headers: { origin: 'https://evil.example' }, body: ping('a') })],
      [400, await send(me, { headers: { 'mcp-protocol-version': '1999-01-01' }, body: ping('a') })]
    ] as const) {
      t.equal(answer.status, status)
      t.match(await messageOf(answer), { id: 'a', error: { message: String } })
    }
    const session = await openSession(me)
    for (const params of [{ name: 'echo', arguments: 'x' }, { arguments: {} }, { name: 5 }]) {
      const answer = await send(me, { session, body: { ...ping(8), method: 'tools/call', params } })
      const { id, error } = await messageOf(answer)
      t.match({ id, code: error?.code }, { id: 8, code: -32602 })
      t.match(error?.message, /^Wrong parameters for tools\/call: [^\n]{5,100}\.$/, 'one sentence')
    }
  })

  // Go, Java and C# clients write null for what they leave out.
  t.test('arguments of null are none', async (t) => {
    const session = await openSession(me)
    const params = { name: 'seen', arguments: null }
    const old = await send(me, { session, body: { ...ping(1), method: 'tools/call', params } })
    t.match(await messageOf(old), { result: { content: [{}] } })
    const { body, headers } = modern('tools/call', params)
    t.match(await messageOf(await send(me, { body, headers })), { result: { content: [{}] } })
  })

  t.test('nor is any other null a value', async (t) => {
    const { params } = initialize()
    const nulls = { ...params, _meta: null, capabilities: { roots: null, sampling: { x: null } } }
    const clientInfo = { ...params.clientInfo, title: null, icons: null }
    const begun = await send(me, { body: { ...initialize(), params: { ...nulls, clientInfo } } })
    t.match(await messageOf(begun), { result: {} })
    const session = begun.headers.get('mcp-session-id') ?? ''
    const notified = { jsonrpc: '2.0', method: 'notifications/initialized', params: null }
    t.equal((await send(me, { session, body: notified })).status, 202)
    for (const [method, given] of [
      ['ping', null],
      ['tools/list', null],
      ['tools/list', { cursor: null }],
      ['tools/call', { name: 'seen', arguments: {}, _meta: null }]
    ] as const) {
      const answer = await send(me, { session, body: { ...ping(1), method, params: given } })
      t.match(await messageOf(answer), { result: {} }, method)
    }
  })

  // JSON-RPC 2.0 §5.1: what can be parsed and is no request is invalid, not unreadable.
  t.test('JSON that is no message is told from what is no JSON', async (t) => {
    for (const [body, code, id] of [
      ['{', -32700, null],
      ['5', -32600, null],
      ['{"id":3,"method":"ping"}', -32600, 3],
      ['{"jsonrpc":"2.0","id":3}', -32600, null]
    ] as const) {
      const answer = await send(me, { body })
      t.equal(answer.status, 400)
      t.match(await messageOf(answer), { id, error: { code } }, body)
    }
  })

  t.test('initialize without a name is the client’s fault, and told so', async (t) => {
    const params = { protocolVersion: '2025-11-25', capabilities: {} }
    const answer = await send(me, { body: { ...initialize(), id: 7, params } })
    t.match(await messageOf(answer), {
      id: 7,
      error: { code: -32602, message: 'Wrong parameters for initialize: clientInfo is missing.' }
    })
  })

  // MCP 2025-11-25, Session Management 4: a client that got 404 starts anew with initialize.
  t.test('initialize begins anew, whatever session comes with it', async (t) => {
    const live = await openSession(me)
    const ended = await openSession(me)
    await send(me, { method: 'DELETE', session: ended })
    const other = endpointOf(gateway, 1)
    for (const [who, session] of [
      [me, ended],
      [me, live],
      [me, 'nonsense'],
      [me, ''],
      [other, live]
    ] as const) {
      const begun = await send(who, { session, body: initialize() })
      t.equal(begun.status, 200)
      t.not(begun.headers.get('mcp-session-id'), live)
      await begun.text()
    }
    t.equal((await send(me, { session: live, body: ping(1) })).status, 200, 'the other one stays')
    t.equal((await send(other, { session: live, body: ping(1) })).status, 404)
  })

  t.test('each message of a batch is a call, for the rate and for what runs at once', async (t) => {
    const third = endpointOf(gateway, 2)
    const headers = { 'mcp-protocol-version': '2025-03-26' }
    const session = await openSession(third)
    const batch = (size: number) =>
      send(third, { session, headers, body: Array.from({ length: size }, (_, i) => ping(i)) })
    const tooMany = await batch(21)
    t.equal(tooMany.status, 429)
    t.match(await messageOf(tooMany), { error: { message: /at most 20 calls/ } })
    const answers: Response[] = []
    for (let n = 0; n < 9; n += 1) answers.push(await batch(20))
    t.equal(answers[0]?.status, 200)
    const late = answers.find(({ status }) => status === 429)
    t.ok(late, 'the burst of 150 is spent')
    t.ok(Number(late?.headers.get('retry-after')) >= 1)
  })

  t.test('what is no HTTP at all is answered in words of our own', async (t) => {
    for (const [bytes, status] of [
      ['NONSENSE\r\n\r\n', 400],
      [`GET /mcp%zz HTTP/1.1\r\nHost: localhost:${port}\r\nConnection: close\r\n\r\n`, 400],
      [`GET / HTTP/1.1\r\nHost: localhost:${port}\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 431]
    ] as const) {
      const answer = await rawHttp(Number(port), bytes)
      t.match(answer, new RegExp(`^HTTP/1.1 ${status} `))
      t.match(
        answer,
        /\{"error":\{"code":"ERR_BAD_REQUEST","message":"[^"]+\.","requestId":"[^"]+"\}\}/
      )
    }
  })
})
