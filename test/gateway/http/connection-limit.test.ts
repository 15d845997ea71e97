import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server } from 'node:net'
import t from 'tap'
import { clientNetwork } from '../../../gateway/http/client-network.ts'
import { limitConnections } from '../../../gateway/http/connection-limit.ts'
import { trustedProxies } from '../../../gateway/http/trusted-proxies.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'
import { until } from '../../helpers/until.ts'

const limited = (descriptors: number, workers = 4, proxies: readonly string[] = []) => {
  const said: [string, object][] = []
  const reasons: string[] = []
  const server = createServer()
  limitConnections(server, {
    ...{ clock: new FakeClock(), workers, descriptors },
    warn: (fields, message) => void said.push([message, fields]),
    isProxy: trustedProxies(proxies),
    dropped: (reason) => void reasons.push(reason)
  })
  return { server, said, reasons }
}

/** How many of so many connections stay open; they are closed again. */
async function staying(server: Server, count: number, localAddress: string) {
  const { port } = server.address() as AddressInfo
  const sockets = Array.from({ length: count }, () =>
    connect({ port, host: '127.0.0.1', localAddress }).on('error', () => {})
  )
  // One that the server keeps is answered.
  const kept = await Promise.all(
    sockets.map(
      (socket) =>
        new Promise<number>((resolve) => {
          socket.once('data', () => resolve(1)).once('close', () => resolve(0))
          socket.write('?')
        })
    )
  )
  const gone = sockets.map((socket) => socket.closed || once(socket, 'close'))
  for (const socket of sockets) socket.destroy()
  await Promise.all(gone)
  return kept.reduce((sum, one) => sum + one, 0)
}

t.test('as many connections as leave descriptors for workers and operators', (t) => {
  t.equal(limited(1_048_576).server.maxConnections, 20_000)
  t.equal(limited(Number.POSITIVE_INFINITY).server.maxConnections, 20_000)
  t.equal(limited(1024, 20).server.maxConnections, 1024 - 48 - 8 * 20)
  t.same(limited(1024, 20).said, [])
  const few = limited(64)
  t.equal(few.server.maxConnections, 16)
  t.match(few.said, [[/few open files/, { descriptors: 64, connections: 16 }]])
  t.end()
})

// Node itself closes what it may not keep, without a word: https://nodejs.org/api/net.html#event-drop
t.test('what is closed at once is told, and not again for a minute', async (t) => {
  const { server, said } = limited(1_000_000)
  server.maxConnections = 0
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0
  for (let n = 0; n < 3; n += 1) {
    const client = connect(port, '127.0.0.1')
    client.on('error', () => {})
    await once(client, 'close')
  }
  server.close()
  t.match(said, [[/too many are open/, { dropped: 1 }]])
  t.equal(said.length, 1)
})

const skip =
  process.platform === 'linux' ? false : 'all of 127.0.0.0/8 is this machine on Linux only'
t.test('one address takes half at most, so that others are served', { skip }, async (t) => {
  const { server, said, reasons } = limited(0)
  let closed = 0
  const closedAtServer = () => closed
  server.on('connection', (socket) => {
    socket.on('data', () => socket.write('!'))
    socket.on('close', () => (closed += 1))
    socket.on('error', () => {})
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  t.equal(server.maxConnections, 16)
  t.equal(await staying(server, 12, '127.0.0.1'), 8)
  t.match(said.at(-1), [/one address has half.*TRUST_PROXY/, { dropped: 1 }])
  t.same(new Set(reasons), new Set(['address']))
  await until(() => closedAtServer() === 12)
  t.equal(await staying(server, 8, '127.0.0.2'), 8)
  await until(() => closedAtServer() === 20)
  t.equal(await staying(server, 8, '127.0.0.1'), 8, 'what is closed counts no more')
})

t.test('a proxy that is known is everybody', { skip }, async (t) => {
  const { server, reasons } = limited(0, 4, ['loopback'])
  server.on('connection', (socket) => socket.on('data', () => socket.write('!')))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  t.equal(await staying(server, 12, '127.0.0.1'), 12)
  t.same(reasons, [])
})

// RFC 4291, 2.2 and 2.5.5.2; proxy-addr's names of networks: https://github.com/jshttp/proxy-addr
t.test('addresses are told apart by network, and proxies by TRUST_PROXY', (t) => {
  t.equal(clientNetwork('192.0.2.7'), '192.0.2.7')
  t.equal(clientNetwork('::ffff:192.0.2.7'), '192.0.2.7')
  t.equal(clientNetwork('2001:db8::1'), '2001:db8:0:0::/64')
  t.equal(clientNetwork('2001:0db8:0000:0000:ffff::2'), '2001:db8:0:0::/64')
  t.equal(clientNetwork('2001:db8:1:2:3:4:5:6'), '2001:db8:1:2::/64')
  t.equal(clientNetwork('fe80::1%eth0'), 'fe80:0:0:0::/64')
  t.equal(clientNetwork('::1'), '0:0:0:0::/64')
  const isProxy = trustedProxies(['10.1.0.0/16', '192.0.2.7', 'uniquelocal', '2001:db8::/32'])
  for (const address of ['10.1.2.3', '192.0.2.7', '192.168.1.1', 'fd00::1', '2001:db8::9'])
    t.ok(isProxy(address), address)
  for (const address of ['192.0.2.8', '127.0.0.1', '::1', '2001:db9::1'])
    t.notOk(isProxy(address), address)
  t.notOk(trustedProxies([])('127.0.0.1'))
  t.end()
})
