import { createServer } from 'node:http'
import { Duplex, duplexPair } from 'node:stream'
import t from 'tap'
import { asUserId, asWorkerId } from '#shared/ids.ts'
import { WorkerChannelEnd } from '../../../gateway/launcher/worker-channel.ts'
import { connectionsTo } from '../../../gateway/mcp/worker-connections.ts'
import type { WorkerEnd } from '../../../gateway/supervisor/supervisor.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'

const REQUEST = { method: 'POST', path: '/mcp', body: '{}' } as const

function workerWith(connect: () => Duplex) {
  const gone = Promise.withResolvers<WorkerEnd>()
  const channel = new WorkerChannelEnd({ clock: new FakeClock(), post: () => {} })
  return { id: asWorkerId('w-1'), userId: asUserId('1'), channel, gone: gone.promise, connect }
}

t.test(
  'a request to a worker whose connections are closed fails, and is not tried for ever',
  async (t) => {
    let asked = 0
    const worker = workerWith(() => {
      asked += 1
      return new Duplex().destroy()
    })
    await t.rejects(connectionsTo(worker).request(REQUEST), { code: 'ECONNREFUSED' })
    await t.rejects(connectionsTo(worker).request(REQUEST), { code: 'ECONNREFUSED' })
    t.equal(asked, 2, 'each request asks once')
  }
)

t.test('a request whose connection closes before it is sent fails as well', async (t) => {
  let asked = 0
  const worker = workerWith(() => {
    asked += 1
    const stream = asked === 1 ? duplexPair()[0] : new Duplex().destroy()
    if (asked === 1) queueMicrotask(() => stream.destroy())
    return stream
  })
  await t.rejects(connectionsTo(worker).request(REQUEST))
  t.ok(asked <= 2)
})

t.test('a worker that is there answers', async (t) => {
  const server = createServer((_request, response) => response.end('here'))
  const worker = workerWith(() => {
    const [ours, theirs] = duplexPair()
    server.emit('connection', theirs)
    return ours
  })
  const { statusCode, body } = await connectionsTo(worker).request(REQUEST)
  t.equal(statusCode, 200)
  t.equal(await body.text(), 'here')
  await connectionsTo(worker).destroy()
})
