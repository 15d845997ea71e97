import t from 'tap'
import { MarkedNumbers } from '../../../worker/mime/marked-numbers.ts'

t.test('a number can be marked once it is there', (t) => {
  const numbers = new MarkedNumbers(10)
  t.equal(numbers.mark(7), false)
  numbers.add(7)
  t.equal(numbers.isMarked(7), false)
  t.equal(numbers.mark(7), true)
  t.equal(numbers.isMarked(7), true)
  numbers.add(7)
  t.equal(numbers.isMarked(7), true)
  t.equal(numbers.isMarked(-7), false)
  t.end()
})

t.test('0 is no number, and what is beyond the most is not kept', (t) => {
  const numbers = new MarkedNumbers(2)
  for (const number of [0, 1, 2, 3]) numbers.add(number)
  t.same(
    [0, 1, 2, 3].map((number) => numbers.mark(number)),
    [false, true, true, false]
  )
  t.equal(numbers.isMarked(0), false)
  t.end()
})

t.test('many numbers are told apart, small and large ones', (t) => {
  const numbers = new MarkedNumbers(100_000)
  const all = Array.from({ length: 20_000 }, (_, at) => (at % 2 === 0 ? at + 1 : (at << 16) | 0))
  for (const number of all) numbers.add(number)
  const half = all.filter((_, at) => at % 3 === 0)
  for (const number of half) numbers.mark(number)
  const marked = new Set(half)
  t.equal(
    all.every((number) => numbers.isMarked(number) === marked.has(number)),
    true
  )
  t.end()
})
