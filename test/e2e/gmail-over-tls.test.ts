import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { type AddressInfo, connect, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { pipeline } from 'node:stream'
import { createServer as createTlsServer } from 'node:tls'
import t, { type Test } from 'tap'
import { startSandbox } from '../../ops/sandbox/sandbox.ts'
import { openGatewayHome } from '../helpers/gateway-home.ts'
import { call, messageOf, openSession, send, textOf } from '../helpers/mcp-http.ts'
import { TEST_CERTIFICATE, TEST_KEY } from '../helpers/test-certificate.ts'

/** The stand-in for Google as the real one is met: in TLS. Counts the connections that were made to it. */
async function behindTls(t: Test, target: string) {
  const { port } = new URL(target)
  let connections = 0
  const server = createTlsServer({ cert: TEST_CERTIFICATE, key: TEST_KEY }, (socket) => {
    connections += 1
    pipeline(socket, connect(Number(port), '127.0.0.1'), socket, () => {})
  })
  return { url: `https://localhost:${await listening(t, server)}`, connections: () => connections }
}

async function listening(t: Test, server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return (server.address() as AddressInfo).port
}

/** A company's proxy: connects to any port of this machine. Keeps the names it was asked for. */
async function startProxy(t: Test) {
  const asked: string[] = []
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', (head) => {
      const [, name = '', port = ''] = /^CONNECT ([^\s:]+):(\d+) /.exec(head.toString()) ?? []
      asked.push(name)
      const there = connect(Number(port), '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n')
        pipeline(socket, there, socket, () => {})
      })
    })
  })
  return { url: `http://127.0.0.1:${await listening(t, server)}`, asked }
}

async function build(t: Test) {
  const google = await startSandbox({ users: [{ email: 'ada@example.com' }] })
  t.teardown(() => google.close())
  const tls = await behindTls(t, google.url)
  const authority = join(t.testdir(), 'authority.pem')
  await writeFile(authority, `# Example Company\n${TEST_CERTIFICATE}\n`)
  const settings = { GMAIL_API_URL: tls.url }
  return { home: await openGatewayHome(t, { users: google, settings }), tls, authority }
}

type Home = Awaited<ReturnType<typeof openGatewayHome>>

/** What ten searches one after the other were answered. */
async function searched(home: Home): Promise<(string | undefined)[]> {
  const to = { url: home.url, token: home.users[0]?.token ?? '' }
  const session = await openSession(to)
  const texts: (string | undefined)[] = []
  for (let at = 0; at < 10; at += 1) {
    const body = call('search_emails', { query: 'in:anywhere', maxResults: 1 })
    texts.push(textOf(await messageOf(await send(to, { session, body }))))
  }
  return texts
}

t.test(
  'Gmail is reached in TLS behind an authority of the company, few connections for all',
  async (t) => {
    const { home, tls, authority } = await build(t)
    const gateway = home.start({ NODE_EXTRA_CA_CERTS: authority })
    await gateway.said('"ready"')
    const texts = await searched(home)
    t.equal(texts.length, 10)
    for (const text of texts) t.notMatch(text ?? 'upstream_unavailable', /upstream_unavailable/)
    t.ok(tls.connections() <= 5, `${tls.connections()} connections`)
  }
)

t.test('and through the proxy of the company, which is asked for the name', async (t) => {
  const { home, authority } = await build(t)
  const proxy = await startProxy(t)
  const gateway = home.start({ NODE_EXTRA_CA_CERTS: authority, HTTPS_PROXY: proxy.url })
  await gateway.said('"ready"')
  const [text] = await searched(home)
  t.notMatch(text ?? 'upstream_unavailable', /upstream_unavailable/)
  t.same([...new Set(proxy.asked)], ['localhost'])
})

t.test('an authority that nobody was told of is not trusted', async (t) => {
  const { home } = await build(t)
  const gateway = home.start()
  await gateway.said('"ready"')
  const [text] = await searched(home)
  t.match(text, /upstream_unavailable/)
})
