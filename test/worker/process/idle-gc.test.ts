import { runInNewContext } from 'node:vm'
import t from 'tap'
import { collectGarbage, whenIdle } from '../../../worker/process/idle-gc.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'

t.test('a worker tidies up once in each pause, and not before', async (t) => {
  const clock = new FakeClock()
  let times = 0
  const happened = whenIdle(clock, () => {
    times += 1
  })
  happened()
  clock.advance(9_000)
  happened()
  clock.advance(9_000)
  t.equal(times, 0, 'something happened every nine seconds')
  clock.advance(60_000)
  t.equal(times, 1)
  happened()
  clock.advance(60_000)
  t.equal(times, 2, 'the next pause')
})

t.test('who calls now and then does not pay for it with each call', async (t) => {
  const clock = new FakeClock()
  let times = 0
  const happened = whenIdle(clock, () => {
    times += 1
  })
  for (let call = 0; call < 20; call += 1) {
    happened()
    happened()
    clock.advance(15_000)
  }
  t.equal(times, 1, 'in the first pause alone')
  clock.advance(20_000)
  t.equal(times, 2, 'nor is what they left behind forgotten')
  happened()
  clock.advance(10_000)
  t.equal(times, 3, 'after much has happened the next pause is a short one')
  const pauses = [20_000, 40_000, 80_000, 80_000]
  for (const pause of pauses) {
    happened()
    clock.advance(pause - 1)
    t.equal(times, 3)
    clock.advance(1)
    t.equal(times, 4, `after ${pause / 1000} s`)
    times = 3
  }
})

t.test('what is not used any more is given back, and nothing else is left open', async (t) => {
  const used = () => process.memoryUsage().heapUsed
  collectGarbage()
  const before = used()
  let garbage: object[] | undefined = Array.from({ length: 300_000 }, (_, n) => ({ n }))
  const full = used()
  t.ok(full - before > 5e6, 'there is something to collect', { objects: garbage.length })
  garbage = undefined
  collectGarbage()
  t.ok(full - used() > 5e6, 'it is collected', { before, full, after: used() })
  t.equal(runInNewContext('typeof gc'), 'undefined', 'the collector is out of reach again')
})
