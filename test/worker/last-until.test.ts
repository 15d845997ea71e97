import t from 'tap'
import { machineMonotonic, systemClock } from '#shared/clock.ts'
import { lastUntilTold } from '../../worker/last-until.ts'
import { FakeClock } from '../helpers/fake-clock.ts'
import { settled } from '../helpers/settled.ts'

const rounds = async () => {
  for (let n = 0; n < 4; n += 1) await settled()
}

t.test('a worker ends when the time is over that it was told last', async (t) => {
  const clock = new FakeClock()
  let ended = 0
  const lastUntil = lastUntilTold(clock, () => {
    ended += 1
  })
  lastUntil(machineMonotonic() + 5000)
  clock.advance(3000)
  lastUntil(machineMonotonic() + 5000)
  clock.advance(4000)
  await rounds()
  t.equal(ended, 0)
  clock.advance(1000)
  await rounds()
  t.equal(ended, 1)
})

t.test('word that came while it computed counts', async (t) => {
  const clock = new FakeClock()
  let ended = 0
  const lastUntil = lastUntilTold(clock, () => {
    ended += 1
  })
  lastUntil(machineMonotonic() + 1000)
  clock.advance(1000) // the timer first, then what lies in the socket
  lastUntil(machineMonotonic() + 1000)
  await rounds()
  t.equal(ended, 0)
})

t.test('a time that is over already is over', async (t) => {
  const ended = new Promise<void>((resolve) => {
    lastUntilTold(systemClock, resolve)(machineMonotonic() - 1)
  })
  const awake = setTimeout(() => {}, 5000) // timers of the system's clock keep no process alive
  await ended
  clearTimeout(awake)
  t.pass('it has ended')
})
