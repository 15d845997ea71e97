import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import t from 'tap'
import { limitConnections } from '../../../gateway/http/connection-limit.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'

const limited = (descriptors: number, workers = 4) => {
  const said: [string, object][] = []
  const server = createServer()
  const warn = (fields: object, message: string) => void said.push([message, fields])
  limitConnections(server, { clock: new FakeClock(), workers, descriptors, warn })
  return { server, said }
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
