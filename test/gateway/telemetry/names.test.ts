import t from 'tap'
import { LogRateLimit } from '../../../gateway/telemetry/log-rate-limit.ts'
import { requestIdOf } from '../../../gateway/telemetry/request-id.ts'
import { parseTraceparent } from '../../../gateway/telemetry/trace-context.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'

t.test('a request may be named by its client, shortly and harmlessly', async (t) => {
  for (const good of ['a', '7f3d-22', 'Root=1-67891233-abcdef012345678912345678', 'x'.repeat(128)])
    t.equal(requestIdOf(good), good)
  const bad = [
    '',
    ' ',
    'a b',
    'x'.repeat(129),
    'ada@x.example',
    'a\tb',
    'a"b',
    '<b>',
    'a,b',
    'ä',
    '%0a'
  ]
  const made = [undefined, ['a', 'b'], ...bad].map((name) => requestIdOf(name))
  for (const name of made) t.match(name, /^[0-9a-f-]{36}$/)
  t.equal(new Set(made).size, made.length, 'each has a name of its own')
})

// W3C Trace Context (https://www.w3.org/TR/trace-context/), §3.2 and §4.3.
t.test('a traceparent is taken as its specification says', async (t) => {
  const trace = '0af7651916cd43dd8448eb211c80319c'
  const span = 'b7ad6b7169203331'
  const good = { traceId: trace, parentId: span }
  t.same(parseTraceparent(`00-${trace}-${span}-01`), { ...good, isSampled: true })
  t.same(parseTraceparent(`00-${trace}-${span}-00`), { ...good, isSampled: false })
  t.same(parseTraceparent(`00-${trace}-${span}-03`), { ...good, isSampled: true }, 'other flags')
  t.same(parseTraceparent(`cc-${trace}-${span}-01`), { ...good, isSampled: true }, 'a later one')
  t.same(parseTraceparent(`cc-${trace}-${span}-01-what`), { ...good, isSampled: true })
  const bad = {
    'the version that is none': `ff-${trace}-${span}-01`,
    'more than version 00 has': `00-${trace}-${span}-01-what`,
    'a later version without its dash': `cc-${trace}-${span}-01.what`,
    'upper case': `00-${trace.toUpperCase()}-${span}-01`,
    'a trace of zeros': `00-${'0'.repeat(32)}-${span}-01`,
    'a span of zeros': `00-${trace}-${'0'.repeat(16)}-01`,
    'too short': `00-${trace.slice(1)}-${span}-01`,
    'two of them': `00-${trace}-${span}-01, 00-${trace}-${span}-01`,
    'a space': ` 00-${trace}-${span}-01`,
    'no flags': `00-${trace}-${span}`,
    nothing: '',
    'very long': `cc-${trace}-${span}-01-${'x'.repeat(1000)}`
  }
  for (const [what, header] of Object.entries(bad))
    t.equal(parseTraceparent(header), undefined, what)
  t.equal(parseTraceparent(undefined), undefined)
})

t.test('lines of one kind and one person pass while they are few', async (t) => {
  const clock = new FakeClock()
  const brake = new LogRateLimit(() => clock.monotonic(), { most: 2, windowMs: 1000 })
  t.same([brake.pass('a', 'x'), brake.pass('a', 'x')], [0, 0])
  t.same([brake.pass('a', 'x'), brake.pass('a', 'x')], [undefined, undefined], 'and then no more')
  t.equal(brake.pass('b', 'x'), 0, 'of another person they do')
  t.equal(brake.pass('a', 'y'), 0, 'and of another kind')
  clock.advance(1000)
  t.equal(brake.pass('a', 'x'), 2, 'the next one says how many were left out')
  t.equal(brake.pass('a', 'x'), 0)
})
