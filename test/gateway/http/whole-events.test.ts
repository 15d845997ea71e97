import t from 'tap'
import { WholeEvents } from '../../../gateway/http/whole-events.ts'

const cut = (pieces: readonly string[]) => {
  const events = new WholeEvents()
  return pieces.map((piece) => events.push(Buffer.from(piece))?.toString() ?? '')
}

t.test('only whole events come out, wherever the bytes are cut', async (t) => {
  const text = 'data: a\n\n: c\n\nevent: x\ndata: é\n\n\n\ndata: b\n\n'
  const bytes = Buffer.from(text)
  for (let first = 1; first < bytes.length; first += 1) {
    for (let second = first; second < bytes.length; second += 1) {
      const events = new WholeEvents()
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
  const events = new WholeEvents()
  const piece = Buffer.alloc(2 ** 20, 'x')
  let pushed = 0
  while (!events.isTooLong && pushed < 1000) {
    events.push(piece)
    pushed += 1
  }
  t.equal(pushed, 97)
  events.push(Buffer.from('\n\n'))
  t.notOk(events.isTooLong)
})
