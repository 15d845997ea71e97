import t from 'tap'
import { GoogleReach } from '../../gateway/google-reach.ts'
import { FakeClock } from '../helpers/fake-clock.ts'

t.test('Google is away when everything fails, and is so once a minute', (t) => {
  const clock = new FakeClock()
  const told: string[] = []
  const reach = new GoogleReach({
    clock,
    onAway: (failed) => told.push(`away, ${failed} failed`),
    onBack: (seconds) => told.push(`back after ${seconds} s`)
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
