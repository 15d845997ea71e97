import t from 'tap'
import { GoogleReachability } from '../../../gateway/health/google-reachability.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'

t.test('Google is away when everything fails, and is so once a minute', (t) => {
  const clock = new FakeClock()
  const told: string[] = []
  const reach = new GoogleReachability({
    clock,
    onAway: (failed) => told.push(`away, ${failed} failed`),
    onBack: (seconds) => told.push(`back after ${seconds} s`),
    onLapse: () => told.push('lapsed')
  })
  reach.failed()
  reach.failed()
  reach.answered()
  reach.failed()
  reach.failed()
  t.notOk(reach.isAway, 'somebody was answered in between')
  t.same(told, [])
  clock.advance(1000)
  reach.failed()
  t.ok(reach.isAway)
  reach.failed()
  clock.advance(60_000)
  reach.failed()
  t.same(told, ['away, 3 failed', 'away, 5 failed'])
  reach.answered()
  reach.answered()
  t.notOk(reach.isAway)
  t.equal(told.at(-1), 'back after 61 s')
  t.end()
})

t.test('what nobody has tried for ten minutes is not known any more', (t) => {
  const clock = new FakeClock()
  const told: string[] = []
  const reach = new GoogleReachability({
    clock,
    onAway: () => told.push('away'),
    onBack: () => told.push('back'),
    onLapse: () => told.push('lapsed')
  })
  for (let n = 0; n < 3; n += 1) reach.failed()
  clock.advance(599_000)
  reach.failed()
  clock.advance(599_999)
  t.ok(reach.isAway, 'it was tried in between')
  clock.advance(1)
  t.notOk(reach.isAway)
  t.equal(told.at(-1), 'lapsed')
  reach.failed()
  t.notOk(reach.isAway, 'it is counted anew')
  clock.advance(600_000)
  t.equal(told.filter((each) => each === 'lapsed').length, 1, 'of one failure nobody was told')
  t.end()
})
