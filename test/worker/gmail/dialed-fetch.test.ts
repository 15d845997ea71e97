import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { type AddressInfo, connect } from 'node:net'
import { type Duplex, duplexPair, pipeline } from 'node:stream'
import { gzipSync } from 'node:zlib'
import { OAuth2Client } from 'google-auth-library'
import t, { type Test } from 'tap'
import { Multiplexer } from '#shared/multiplexer/multiplexer.ts'
import { fetchOver } from '../../../worker/gmail/dialed-fetch.ts'
import { isRateLimit, readFailure } from '../../../worker/gmail/gmail-error.ts'
import { TEST_CERTIFICATE, TEST_KEY } from '../../helpers/test-certificate.ts'

/** `fetch` over connections to a server of the test's own, its address, and how many connections it had. */
async function fetching(t: Test, answer: RequestListener, { tls = false, carried = false } = {}) {
  const server = tls
    ? createTlsServer({ cert: TEST_CERTIFICATE, key: TEST_KEY }, answer)
    : createServer(answer)
  let connections = 0
  server.on('connection', () => {
    connections += 1
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  t.teardown(() => server.closeAllConnections())
  t.teardown(() => server.close())
  return {
    get: fetchOver({
      dial: async () => (carried ? carriedTo(port) : connect(port, '127.0.0.1')),
      certificates: tls ? [TEST_CERTIFICATE] : []
    }),
    url: `${tls ? 'https' : 'http'}://gmail.test:${port}/`,
    connections: () => connections
  }
}

/** A connection as a worker has it: a stream beside others over one pair, which the gateway connects. */
function carriedTo(port: number): Duplex {
  const [here, there] = duplexPair()
  const rest = { onMessage: () => {}, onEnd: () => {} }
  new Multiplexer({
    ...rest,
    pair: there,
    side: 'gateway',
    onStream: (stream) => {
      const socket = connect(port, '127.0.0.1')
      pipeline(stream, socket, stream, () => socket.destroy())
    }
  })
  return new Multiplexer({ ...rest, pair: here, side: 'worker' }).open()
}

t.test('an answer can be read in each of the ways of the Fetch standard', async (t) => {
  const { get, url } = await fetching(t, (_request, response) => {
    response.setHeader('content-type', 'application/json')
    response.end('{"name":"Köln"}')
  })
  const response = await get(url)
  t.equal(response.status, 200)
  t.equal(await response.text(), '{"name":"Köln"}')
  t.same(await response.json(), { name: 'Köln' })
  t.equal(Buffer.from(await response.arrayBuffer()).toString(), '{"name":"Köln"}')
  t.equal(Buffer.from(await response.bytes()).toString(), '{"name":"Köln"}')
  const blob = await response.blob()
  t.equal(blob.type, 'application/json')
  t.equal(await blob.text(), '{"name":"Köln"}')
})

t.test('also where a server has put another class in the place of Response', async (t) => {
  const { get, url } = await fetching(t, (_request, response) => response.end('yes'))
  const usual = globalThis.Response
  class Sealed extends usual {}
  for (const name of ['text', 'json', 'bytes', 'arrayBuffer', 'blob'])
    Object.defineProperty(Sealed.prototype, name, { value: () => Promise.reject(new Error(name)) })
  globalThis.Response = Sealed
  t.teardown(() => {
    globalThis.Response = usual
  })
  t.equal(await (await get(url)).text(), 'yes')
})

// GaxiosError drops the data of an answer whose body nobody has used: without it a rate limit reads as a missing scope.
t.test('what a refusal says reaches Google’s client', async (t) => {
  const { get, url } = await fetching(t, (_request, response) => {
    response.writeHead(403, { 'content-type': 'application/json' })
    response.end('{"error":{"errors":[{"reason":"rateLimitExceeded"}],"message":"Slow down."}}')
  })
  const options = { fetchImplementation: get, retry: false }
  const { transporter } = new OAuth2Client({ transporterOptions: options })
  const refused: unknown = await transporter.request({ url }).catch((error: unknown) => error)
  const failure = readFailure(refused, 0)
  t.match(failure, { status: 403, reason: 'rateLimitExceeded', message: 'Slow down.' })
  t.equal(isRateLimit(failure), true)
})

t.test('compressed answers are opened, empty ones are empty, redirects are refused', async (t) => {
  const { get, url } = await fetching(t, (request, response) => {
    if (request.url === '/zip') {
      response.setHeader('content-encoding', 'gzip')
      response.end(gzipSync('long text '.repeat(1000)))
    } else if (request.url === '/empty') response.writeHead(204).end()
    else response.writeHead(302, { location: '/zip' }).end()
  })
  t.equal(await (await get(`${url}zip`)).text(), 'long text '.repeat(1000))
  const empty = await get(`${url}empty`)
  t.equal(empty.status, 204)
  t.equal(await empty.text(), '')
  await t.rejects(get(url), TypeError)
})

// The agent of Node 24.21 ends an idle connection that is not handed out again by its own `reuseSocket`.
const ways = [
  { title: 'as it is', tls: false, carried: false },
  { title: 'in TLS', tls: true, carried: false },
  { title: 'carried by the gateway', tls: false, carried: true },
  { title: 'in TLS, carried by the gateway', tls: true, carried: true }
]
for (const { title, ...way } of ways)
  t.test(`one connection serves one request after the other, ${title}`, async (t) => {
    const long = 'and this is what you get for it '.repeat(20_000)
    const answer: RequestListener = (request, response) => response.end(`${request.url} ${long}`)
    const { get, url, connections } = await fetching(t, answer, way)
    for (let at = 0; at < 20; at += 1)
      t.equal(await (await get(`${url}${at}`)).text(), `/${at} ${long}`)
    t.equal(connections(), 1)
    await Promise.all([get(url), get(url)])
    t.equal(connections(), 2)
  })
