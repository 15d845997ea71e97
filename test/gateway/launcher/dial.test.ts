import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect, createServer as createTcpServer } from 'node:net'
import { duplexPair } from 'node:stream'
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { dialTo, isDirect, join } from '../../../gateway/launcher/dial.ts'
import { dialThrough } from '../../../worker/channel/dial.ts'

/** A server that says hello, and its port. */
async function greeter(t: Test): Promise<number> {
  const server = createTcpServer((socket) => socket.on('error', () => {}).end('hello'))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => server.close())
  return (server.address() as AddressInfo).port
}

/** What a worker reads when it asks for a way out. */
async function readThrough(dial: ReturnType<typeof dialTo>): Promise<string> {
  const [near, far] = duplexPair()
  void join(far, dial, () => true)
  const read = await text(await dialThrough(() => near)())
  near.end()
  return read
}

t.test('a worker gets to the origin that the gateway was given', async (t) => {
  const port = await greeter(t)
  t.equal(await readThrough(dialTo({ origin: `http://127.0.0.1:${port}` })), 'hello')
})

t.test('where there is no way it hears that nothing was sent', async (t) => {
  const server = createTcpServer()
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  await t.rejects(readThrough(dialTo({ origin: `http://127.0.0.1:${port}` })), {
    code: 'ECONNREFUSED'
  })
})

// RFC 9110 §9.3.6: CONNECT with the authority; RFC 7617 for the credentials.
t.test('an https origin is reached through HTTPS_PROXY', async (t) => {
  const port = await greeter(t)
  const asked: unknown[] = []
  const proxy = createServer().on('connect', (request, socket) => {
    asked.push(request.url, request.headers['proxy-authorization'])
    const onward = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    socket.write('HTTP/1.1 200 OK\r\n\r\n')
    onward.pipe(socket)
    socket.pipe(onward)
  })
  await once(proxy.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => proxy.close())
  const url = `http://me:secret@127.0.0.1:${(proxy.address() as AddressInfo).port}`
  const origin = 'https://gmail.googleapis.com'
  t.equal(await readThrough(dialTo({ origin, proxy: url })), 'hello')
  t.strictSame(asked, [
    'gmail.googleapis.com:443',
    `Basic ${Buffer.from('me:secret').toString('base64')}`
  ])
  const refusing = createServer().on('connect', (_request, socket) =>
    socket.end('HTTP/1.1 403 Forbidden\r\n\r\n')
  )
  await once(refusing.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => refusing.close())
  const closed = `http://127.0.0.1:${(refusing.address() as AddressInfo).port}`
  await t.rejects(readThrough(dialTo({ origin, proxy: closed })), { code: 'ECONNREFUSED' })
})

// As curl reads it: https://curl.se/docs/manpage.html#--noproxy
t.test('NO_PROXY names hosts, what is below them, addresses and ports', async (t) => {
  const yes: [string, number, string][] = [
    ['gmail.googleapis.com', 443, '*'],
    ['gmail.googleapis.com', 443, 'googleapis.com'],
    ['gmail.googleapis.com', 443, '.GoogleAPIs.com'],
    ['gmail.googleapis.com', 443, 'gmail.googleapis.com:443'],
    ['127.0.0.1', 8080, '127.0.0.1'],
    ['::1', 443, '::1']
  ]
  for (const [host, port, entry] of yes) t.ok(isDirect(host, port, ['x.example', entry]), entry)
  const no = ['apis.com', 'mail.googleapis.com', 'gmail.googleapis.com:8443', '']
  for (const entry of no) t.notOk(isDirect('gmail.googleapis.com', 443, [entry]), entry)
})

t.test('what a worker has written goes no further once its lease is over', async (t) => {
  const heard: string[] = []
  const server = createTcpServer((socket) => {
    socket.on('error', () => {}).on('data', (piece) => heard.push(String(piece)))
    socket.write('hello')
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  let isHeld = true
  const [near, far] = duplexPair()
  const joined = join(far, dialTo({ origin: `http://127.0.0.1:${port}` }), () => isHeld)
  const worker = await dialThrough(() => near)()
  t.equal(await joined, 'ok')
  worker.on('error', () => {})
  worker.write('one')
  const [accepted] = await once(worker, 'data')
  t.equal(String(accepted), 'hello')
  while (heard.length === 0) await new Promise(setImmediate)
  isHeld = false
  const ended = once(worker, 'close')
  worker.write('two')
  worker.resume()
  await ended
  t.same(heard, ['one'], 'as if the connection had broken')
})
