import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { Readable } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { asUserId } from '#shared/ids.ts'
import { BufferedBytes } from '../../../gateway/relay/buffered-bytes.ts'
import { beginningOf, passLong } from '../../../gateway/relay/long-answer.ts'
import { ResponseWriter } from '../../../gateway/relay/response-writer.ts'
import { cutOffSlowClients } from '../../../gateway/relay/slow-clients.ts'
import { relay } from '../../../gateway/relay/sse-relay.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'

const ANN = asUserId('1')
const BEN = asUserId('2')
const MIB = 2 ** 20

t.test(
  'an account waits when it holds its share, and goes on when some of it was taken',
  async (t) => {
    const held = new BufferedBytes({ perUser: 100, inAll: 1000 })
    let room = 0
    const first = held.enter(ANN, 60)
    t.notOk(held.isFull(ANN))
    const second = held.enter(ANN, 60)
    t.ok(held.isFull(ANN))
    t.notOk(held.isFull(BEN), 'others do not')
    held.whenRoom(ANN, () => room++)
    held.whenRoom(BEN, () => room++)
    t.equal(room, 1, 'who has room is told at once')
    const giveUp = held.whenRoom(ANN, () => t.fail('it no longer waits'))
    giveUp()
    first()
    first()
    t.equal(room, 2)
    t.equal(held.inAll, 60, 'counted out once')
    second()
    t.equal(held.inAll, 0)
  }
)

t.test('when everybody together holds too much, each may still hold a little', async (t) => {
  const held = new BufferedBytes({ perUser: 10 * MIB, inAll: MIB })
  const leave = held.enter(ANN, MIB)
  t.ok(held.isFull(ANN))
  t.notOk(held.isFull(BEN), 'Ben holds nothing yet')
  held.enter(BEN, 64 * 1024)
  t.ok(held.isFull(BEN))
  let room = 0
  held.whenRoom(BEN, () => room++)
  leave()
  t.equal(room, 1)
})

/** A server whose answers `serve` writes, and a client of it that reads nothing until it is told to. */
async function slowReader(t: Test, serve: (to: ServerResponse) => void) {
  const server = createServer((_request, response) => serve(response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1').pause()
  client.on('error', () => {}) // that it is cut off is the point
  t.teardown(() => {
    client.destroy()
    server.closeAllConnections()
    server.close()
  })
  return { server, client, ask: () => client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n') }
}

/** So much that no buffer of a kernel takes it all, in events or pieces of 64 KiB. */
const TOTAL = 128 * MIB
function source(piece: Buffer) {
  let given = 0
  const from = new Readable({
    read() {
      given += piece.byteLength
      this.push(given <= TOTAL ? piece : null)
    }
  })
  return { from, given: () => given }
}

/** Resolves when nothing more was given for many turns of the event loop. */
async function standsStill(given: () => number): Promise<void> {
  for (let before = -1, same = 0; same < 200; before = given()) {
    await setImmediate()
    same = given() === before ? same + 1 : 0
  }
}

const PIECE = Buffer.from(`data: ${'x'.repeat(65_536)}\n\n`)
const PASS: Record<
  string,
  (from: Readable, to: ServerResponse, outlet: ResponseWriter) => Promise<unknown>
> = {
  'an event stream': (from, to, outlet) => relay(from, to, outlet, () => {}),
  'a long answer': async (from, to, outlet) =>
    passLong(to, outlet, await beginningOf(from, 100, () => {}), () => {})
}
for (const [what, pass] of Object.entries(PASS)) {
  t.test(`${what} waits for a client that does not read, and goes on when it does`, async (t) => {
    const held = new BufferedBytes({ perUser: 8 * MIB, inAll: 256 * MIB })
    const { from, given } = source(PIECE)
    const { client, ask } = await slowReader(t, (to) => {
      void pass(from, to, new ResponseWriter(to, held, ANN)).then(() => to.end())
    })
    ask()
    while (held.inAll === 0) await setImmediate()
    await standsStill(given)
    t.ok(given() < TOTAL / 2, 'its source was left waiting')
    t.ok(
      held.inAll > 0 && held.inAll < MIB,
      `what waits here is little, and counted: ${held.inAll}`
    )
    client.resume()
    while (given() <= TOTAL || held.inAll > 0) await setImmediate()
    t.equal(held.inAll, 0)
  })

  t.test(`${what} whose client leaves is let go, with all that was held for it`, async (t) => {
    const held = new BufferedBytes({ perUser: 8 * MIB, inAll: 256 * MIB })
    const { from } = source(PIECE)
    const { client, ask } = await slowReader(
      t,
      (to) => void pass(from, to, new ResponseWriter(to, held, ANN))
    )
    ask()
    while (held.inAll === 0) await setImmediate()
    client.destroy()
    while (!from.destroyed || held.inAll > 0) await setImmediate()
    t.equal(held.inAll, 0)
  })

  t.test(`${what} waits while other answers of its account hold too much`, async (t) => {
    const held = new BufferedBytes({ perUser: MIB, inAll: 256 * MIB })
    const leave = held.enter(ANN, MIB)
    const { from, given } = source(PIECE)
    const { client, ask } = await slowReader(t, (to) => {
      void pass(from, to, new ResponseWriter(to, held, ANN)).then(() => to.end())
    })
    client.resume()
    ask()
    while (given() === 0) await setImmediate()
    await standsStill(given)
    t.ok(given() < TOTAL / 2, 'although its own client reads')
    leave()
    while (given() <= TOTAL) await setImmediate()
    t.ok(given() > TOTAL)
  })
}

t.test('a client that takes nothing is cut off, one that takes a little is not', async (t) => {
  const clock = new FakeClock()
  let cut = 0
  const held = new BufferedBytes({ perUser: 8 * MIB, inAll: 256 * MIB })
  const { from, given } = source(PIECE)
  const { server, client, ask } = await slowReader(t, (to) => {
    void relay(from, to, new ResponseWriter(to, held, ANN), () => {})
  })
  cutOffSlowClients(server, { clock, limitMs: 60_000, cutOff: () => cut++ })
  ask()
  while (held.inAll === 0) await setImmediate()
  await standsStill(given)
  clock.advance(59_000)
  t.equal(cut, 0)
  for (const before = given(); given() === before; ) {
    client.read()
    await setImmediate()
  }
  await standsStill(given)
  clock.advance(59_000)
  t.equal(cut, 0, 'it has taken something meanwhile')
  clock.advance(10_000)
  t.equal(cut, 1)
  while (!from.destroyed) await setImmediate()
  t.equal(held.inAll, 0)
})

t.test('a client that has nothing to take is never cut off', async (t) => {
  const clock = new FakeClock()
  const { server, client, ask } = await slowReader(t, (to) => void to.writeHead(200).flushHeaders())
  cutOffSlowClients(server, { clock, limitMs: 60_000, cutOff: () => t.fail('cut off') })
  ask()
  client.resume()
  await once(client, 'data')
  clock.advance(3_600_000)
  t.notOk(client.destroyed)
})
