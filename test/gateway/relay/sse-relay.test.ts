import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import { Readable } from 'node:stream'
import t, { type Test } from 'tap'
import { BufferedBytes } from '../../../gateway/relay/buffered-bytes.ts'
import { ResponseWriter } from '../../../gateway/relay/response-writer.ts'
import { relay } from '../../../gateway/relay/sse-relay.ts'
import { asUserId } from '../../../shared/ids.ts'

const MIB = 2 ** 20
const EVENT = Buffer.from(`data: ${'x'.repeat(32 * 1024)}\n\n`)
/** More than the kernel keeps of a connection (tcp(7), tcp_rmem and tcp_wmem) and what may be held, many times over. */
const MUCH = 96 * MIB

/** A worker's stream of so many bytes; `taken` counts them. */
function eventsOf(bytes: number) {
  const counted = { taken: 0 }
  const from = new Readable({
    highWaterMark: EVENT.length,
    read() {
      const isMore = counted.taken < bytes
      if (isMore) counted.taken += EVENT.length
      this.push(isMore ? EVENT : null)
    }
  })
  return { from, counted }
}

/** An answer to a client that reads nothing until it is told to. */
async function slowClient(t: Test) {
  const server = createServer()
  t.teardown(() => server.close())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const address = server.address()
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0
  const client = connect(port, '127.0.0.1').pause()
  client.on('error', () => {}).write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
  t.teardown(() => client.destroy())
  const [, response] = await once(server, 'request')
  return { client, response }
}

t.test('a worker waits for a client that reads nothing, and goes on when it reads', async (t) => {
  const { client, response } = await slowClient(t)
  const { from, counted } = eventsOf(MUCH)
  const held = new BufferedBytes({ perUser: MIB, inAll: 8 * MIB })
  let passed = 0
  const outlet = new ResponseWriter(response, held, asUserId('ann'))
  const end = relay(from, response, outlet, (bytes) => {
    passed += bytes
  })
  // The stream stands still as soon as it is paused: no later turn of the loop takes more.
  for (let before = -1; before < counted.taken || !from.isPaused(); ) {
    before = counted.taken
    await new Promise(setImmediate)
    if (before >= MUCH) break
  }
  t.ok(counted.taken < MUCH / 2, `${counted.taken} bytes were taken from the worker`)
  t.ok(held.inAll > 0, 'what waits is counted')
  t.ok(held.inAll < 2 * MIB, `${held.inAll} bytes were held`)

  client.resume()
  t.equal(await end, 'complete')
  t.equal(passed, counted.taken, 'nothing is left out')
  t.ok(passed >= MUCH - EVENT.length)
  response.end()
})

t.test('a client that leaves lets its worker go', async (t) => {
  const { client, response } = await slowClient(t)
  const { from } = eventsOf(MUCH)
  const held = new BufferedBytes({ perUser: MIB, inAll: 8 * MIB })
  const end = relay(from, response, new ResponseWriter(response, held, asUserId('ann')), () => {})
  await new Promise(setImmediate)
  client.destroy()
  t.equal(await end, 'client-left')
  t.ok(from.destroyed)
  t.equal(held.inAll, 0, 'nothing is held for it any more')
})
