import t from 'tap'
import { EventCutter, SseFramer } from '../../../gateway/relay/sse-framing.ts'

const cut = (pieces: readonly string[]) => {
  const events = new SseFramer()
  return pieces.map((piece) => events.push(Buffer.from(piece))?.toString() ?? '')
}

t.test('only whole events come out, wherever the bytes are cut', async (t) => {
  const text = 'data: a\n\n: c\n\nevent: x\ndata: é\n\n\n\ndata: b\n\n'
  const bytes = Buffer.from(text)
  for (let first = 1; first < bytes.length; first += 1) {
    for (let second = first; second < bytes.length; second += 1) {
      const events = new SseFramer()
      const pieces = [
        bytes.subarray(0, first),
        bytes.subarray(first, second),
        bytes.subarray(second)
      ].flatMap((piece) => events.push(piece)?.toString() ?? [])
      if (pieces.join('') !== text || !pieces.every((piece) => piece.endsWith('\n\n')))
        t.fail(`cut at ${first} and ${second}`, { pieces })
    }
  }
  t.same(cut(['data: a\n', '\n', 'data: b', '\n\ndata: half']), [
    '',
    'data: a\n\n',
    '',
    'data: b\n\n'
  ])
})

t.test('an event without an end does not fill the memory', async (t) => {
  const events = new SseFramer()
  const piece = Buffer.alloc(2 ** 16, 'x')
  let pushed = 0
  while (!events.isTooLong && pushed < 1000) {
    events.push(piece)
    pushed += 1
  }
  t.equal(pushed, 5)
  events.push(Buffer.from('\n\n'))
  t.notOk(events.isTooLong)
})

t.test('of an answer, long events come out as they come, and short ones whole', async (t) => {
  const long = 'x'.repeat(150_000)
  const bytes = Buffer.from(`data: a\n\ndata: ${long}\n\ndata: b\n\ndata: ${long}\n\n: c\n\n`)
  for (const size of [1000, 4096, 65_536, 70_001, bytes.length]) {
    const events = new EventCutter()
    let out = Buffer.alloc(0)
    for (let at = 0; at < bytes.length; at += size) {
      out = Buffer.concat([out, events.push(bytes.subarray(at, at + size)) ?? Buffer.alloc(0)])
      const seen = out.toString()
      if (out.length > 0) t.equal(events.isInside, !seen.endsWith('\n\n'), `${size} at ${at}`)
      t.ok(at + size - out.length <= 65_536 + size, 'hardly anything is held')
    }
    t.ok(out.equals(bytes), 'nothing is lost or added')
    t.notOk(events.isInside)
  }
})

t.test('the end of a long event is found when it lies across two chunks', async (t) => {
  const events = new EventCutter()
  t.ok(events.push(Buffer.from(`data: ${'x'.repeat(100_000)}`)))
  t.ok(events.isInside)
  t.equal(events.push(Buffer.from('y\n'))?.toString(), 'y\n')
  t.ok(events.isInside)
  t.equal(events.push(Buffer.from('\ndata: z'))?.toString(), '\n')
  t.notOk(events.isInside)
})
