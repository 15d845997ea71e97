import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { startBearerLoopback } from '../helpers/bearer-loopback.ts'

type Arrival = [request: IncomingMessage, response: ServerResponse]

t.test('the loopback proxy adds the token and stays out of the way', async (t) => {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const target = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const proxy = await startBearerLoopback(`http://${target}/mcp`, 'secret-token')
  t.teardown(async () => {
    await proxy.close()
    await proxy.close()
    server.close()
    server.closeAllConnections()
  })
  const arrival = () => once(server, 'request') as Promise<Arrival>

  t.test('method, path, body and headers arrive, with the token added', async (t) => {
    const arriving = arrival()
    const answering = fetch(`${proxy.url}?a=b`, {
      method: 'POST',
      headers: { 'mcp-method': 'ping', origin: new URL(proxy.url).origin },
      body: 'hello'
    })
    const [got, reply] = await arriving
    let body = ''
    for await (const chunk of got) body += chunk
    t.match(got, { method: 'POST', url: '/mcp?a=b' })
    t.match(got.headers, {
      authorization: 'Bearer secret-token',
      'mcp-method': 'ping',
      host: target,
      origin: `http://${target}`
    })
    t.equal(body, 'hello')
    reply.writeHead(404, { 'mcp-session-id': 's1' }).end('gone')
    const answer = await answering
    t.equal(answer.status, 404)
    t.equal(answer.headers.get('mcp-session-id'), 's1')
    t.equal(await answer.text(), 'gone')
  })

  t.test('a foreign Host and Origin reach the target unchanged', async (t) => {
    const arriving = arrival()
    const asking = request(proxy.url, {
      headers: { host: 'evil.example.com', origin: 'http://evil.example.com' }
    })
    const answering = once(asking, 'response') as Promise<[IncomingMessage]>
    asking.end()
    const [got, reply] = await arriving
    t.match(got.headers, { host: 'evil.example.com', origin: 'http://evil.example.com' })
    reply.writeHead(403).end()
    const [answer] = await answering
    t.equal(answer.statusCode, 403)
    answer.resume()
  })

  t.test('an event stream begins before it ends, and its client can leave', async (t) => {
    const arriving = arrival()
    const leave = new AbortController()
    const answering = fetch(proxy.url, { signal: leave.signal })
    const [, reply] = await arriving
    reply.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
    const answer = await answering
    t.equal(answer.headers.get('content-type'), 'text/event-stream', 'headers before any event')
    reply.write('data: 1\n\n')
    const events = answer.body?.getReader()
    const first = await events?.read()
    t.equal(Buffer.from(first?.value ?? []).toString(), 'data: 1\n\n')
    const left = once(reply, 'close')
    leave.abort()
    await left
    t.notOk(reply.writableFinished, 'the target sees that the client is gone')
    await t.rejects(Promise.resolve(events?.read()))
  })

  t.test('a stream that the target cuts is cut for the client', async (t) => {
    const arriving = arrival()
    const answering = fetch(proxy.url)
    const [, reply] = await arriving
    reply.writeHead(200).write('half')
    const answer = await answering
    reply.destroy()
    await t.rejects(answer.text())
  })

  t.test('a request that the target drops is answered 502', async (t) => {
    const arriving = arrival()
    const answering = fetch(proxy.url, { method: 'POST', body: 'x' })
    const [got] = await arriving
    got.destroy()
    t.equal((await answering).status, 502)
  })
})
