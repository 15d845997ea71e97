import { once } from 'node:events'
import { Duplex, duplexPair, pipeline } from 'node:stream'
import { buffer, text } from 'node:stream/consumers'
import t from 'tap'
import { FRAME, HEADER_BYTES, WINDOW, writeHeader } from '../../shared/multiplexer/frames.ts'
import { Multiplexer } from '../../shared/multiplexer/multiplexer.ts'

/** Two ends; what the worker's side opens or is opened is given to `serve`. */
function joined(serve: (stream: Duplex) => void = () => {}) {
  const [near, far] = duplexPair()
  const ends: (string | undefined)[] = []
  const told: string[] = []
  const gateway = new Multiplexer({
    pair: near,
    side: 'gateway',
    onMessage: (message) => void told.push(message),
    onEnd: (why) => void ends.push(why)
  })
  const worker = new Multiplexer({
    pair: far,
    side: 'worker',
    onMessage() {},
    onStream: serve,
    onEnd() {}
  })
  return { gateway, worker, ends, told, far }
}

t.test('a hundred streams at once carry each its own bytes, in both directions', async (t) => {
  const { gateway } = joined((stream) => pipeline(stream, stream, () => {}))
  const answers = await Promise.all(
    Array.from({ length: 100 }, async (_, n) => {
      const sent = Buffer.alloc(1000 * n + 1, n)
      const stream = gateway.open()
      stream.end(sent)
      return (await buffer(stream)).equals(sent)
    })
  )
  t.ok(answers.every(Boolean))
})

t.test('what nobody reads is held up to a window, and goes on when it is read', async (t) => {
  const streams: Duplex[] = []
  const { gateway } = joined((stream) => void streams.push(stream))
  const sent = Buffer.alloc(20 * WINDOW, 7)
  const stream = gateway.open()
  stream.end(sent)
  while (streams.length === 0 || (streams[0]?.readableLength ?? 0) < WINDOW)
    await new Promise(setImmediate)
  for (let turns = 0; turns < 20; turns++) await new Promise(setImmediate)
  t.equal(streams[0]?.readableLength, WINDOW, 'no more than that has come')
  t.ok((await buffer(streams[0] ?? stream)).equals(sent))
})

t.test('a stream that one side gives up is over for the other', async (t) => {
  const streams: Duplex[] = []
  const { gateway } = joined((stream) => void streams.push(stream))
  const stream = gateway.open()
  stream.write('begun')
  while (streams.length === 0) await new Promise(setImmediate)
  const [far] = streams
  stream.destroy()
  const [error] = far ? await once(far, 'error') : []
  t.match(error, { code: 'ECONNRESET' })
})

t.test(
  'when the other side is gone, what it sent can still be read, and then the stream ends',
  async (t) => {
    const { gateway, worker, ends } = joined((stream) => {
      stream.write('last words')
      void worker.finish()
    })
    t.equal(await text(gateway.open()), 'last words')
    t.same(ends, [undefined])
    t.ok(gateway.open().destroyed)
  }
)

t.test('a message that is too long is not sent', async (t) => {
  const { worker, told } = joined()
  t.notOk(worker.tell({ text: 'x'.repeat(2 ** 18) }))
  t.ok(worker.tell({ text: 'short' }))
  while (told.length === 0) await new Promise(setImmediate)
  t.same(told, ['{"text":"short"}'])
})

const frame = (
  type: number,
  id: number,
  payload: Buffer = Buffer.alloc(0),
  length = payload.length
) => {
  const header = Buffer.alloc(HEADER_BYTES)
  writeHeader(header, FRAME.message, length, id)
  header.writeUInt8(type)
  return Buffer.concat([header, payload])
}
const credit = (bytes: number): Buffer => {
  const payload = Buffer.alloc(4)
  payload.writeUInt32BE(bytes)
  return payload
}

const BROKEN: Record<string, Buffer> = {
  'no frame at all': Buffer.from('no message\n{"type":\n'),
  'a message without an end': frame(FRAME.message, 0, undefined, 2 ** 24 - 1),
  'a message that is no JSON of ours': frame(FRAME.message, 0, Buffer.alloc(2 ** 18), 2 ** 18 + 1),
  'an unknown type': frame(9, 0),
  'data of a stream that was never opened': frame(FRAME.data, 99, Buffer.from('x')),
  'a stream under an id of ours': frame(FRAME.open, 2),
  'a stream under an id that was used': Buffer.concat([frame(FRAME.open, 5), frame(FRAME.open, 5)]),
  'more credit than there is': frame(FRAME.credit, 2, credit(2 ** 32 - 1)),
  'more data than a window': Buffer.concat(
    Array.from({ length: 3 }, () => frame(FRAME.data, 2, Buffer.alloc(2 ** 16)))
  ),
  'an end with a payload': frame(FRAME.end, 2, Buffer.from('x'))
}

t.test('whoever breaks the rules is not listened to any more', async (t) => {
  for (const [name, bytes] of Object.entries(BROKEN)) {
    const [near, far] = duplexPair()
    const ended = Promise.withResolvers<string | undefined>()
    const gateway = new Multiplexer({
      pair: near,
      side: 'gateway',
      onMessage() {},
      onEnd: ended.resolve
    })
    const stream = gateway.open().on('error', () => {})
    far.on('error', () => {}).resume()
    far.write(bytes)
    t.type(await ended.promise, 'string', name)
    t.ok(near.destroyed)
    await new Promise(setImmediate)
    t.ok(stream.destroyed || stream.readableLength > 0)
  }
})

/** Gives what it has as a socket of Node does: 64 KiB at a time, up to 32 of them in one turn (libuv, `uv__read`). */
class Flood extends Duplex {
  left: number
  #isReading = false
  readonly #piece: Buffer

  constructor(piece: Buffer, count: number) {
    super({ highWaterMark: 2 ** 16 })
    this.#piece = piece
    this.left = count
  }

  override _read(): void {
    if (this.#isReading) return
    this.#isReading = true
    setImmediate(() => {
      this.#isReading = false
      for (let reads = 0; reads < 32 && this.left > 0; reads += 1) {
        this.left -= 1
        if (!this.push(this.#piece)) return
      }
    })
  }
}

t.test('of much that comes at once some is taken, and then others have their turn', async (t) => {
  const message = JSON.stringify('x'.repeat(2 ** 16 - HEADER_BYTES - 2))
  const flood = new Flood(frame(FRAME.message, 0, Buffer.from(message)), 200)
  let taken = 0
  const onMessage = (): void => {
    taken += 1
  }
  new Multiplexer({ pair: flood, side: 'gateway', onMessage, onEnd() {} })
  const turns: number[] = []
  while (flood.left > 0 || taken < 200) {
    const before = taken
    await new Promise(setImmediate)
    turns.push(taken - before)
  }
  t.equal(taken, 200, 'all of it came')
  t.ok(Math.max(...turns) <= 2, `at most two reads in a turn, not ${Math.max(...turns)}`)
})
