import t from 'tap'
import { type Clock, machineMonotonic, systemClock } from '#shared/clock.ts'
import { termOf } from '../../../worker/process/term.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'
import { settled } from '../../helpers/settled.ts'

const rounds = async () => {
  for (let n = 0; n < 4; n += 1) await settled()
}

function build(clock: Clock) {
  const seen = { ended: 0, isBusy: true }
  const term = termOf({
    clock,
    isBusy: () => seen.isBusy,
    end: () => {
      seen.ended += 1
    }
  })
  return { seen, ...term }
}

t.test('a worker with a call ends when the time is over that it was told last', async (t) => {
  const clock = new FakeClock()
  const { seen, lastsUntil } = build(clock)
  lastsUntil(machineMonotonic() + 5000)
  clock.advance(3000)
  lastsUntil(machineMonotonic() + 5000)
  clock.advance(4000)
  await rounds()
  t.equal(seen.ended, 0)
  clock.advance(1000)
  await rounds()
  t.equal(seen.ended, 1)
})

t.test('one that sleeps over its time goes on if it is told so before it is wanted', async (t) => {
  const clock = new FakeClock()
  const { seen, lastsUntil, begins } = build(clock)
  seen.isBusy = false
  lastsUntil(machineMonotonic() + 5000)
  clock.advance(60_000)
  await rounds()
  t.equal(seen.ended, 0)
  lastsUntil(machineMonotonic() + 5000)
  begins()
  t.equal(seen.ended, 0, 'its gateway has told it')
  clock.advance(60_000)
  await rounds()
  begins()
  t.equal(seen.ended, 1, 'and now it has not')
})

t.test('word that came while it computed counts', async (t) => {
  const clock = new FakeClock()
  const { seen, lastsUntil } = build(clock)
  lastsUntil(machineMonotonic() + 1000)
  clock.advance(1000) // the timer first, then what lies in the socket
  lastsUntil(machineMonotonic() + 1000)
  await rounds()
  t.equal(seen.ended, 0)
})

t.test('a time that is over already is over', async (t) => {
  const ended = new Promise<void>((resolve) => {
    const { lastsUntil } = termOf({ clock: systemClock, isBusy: () => true, end: resolve })
    lastsUntil(machineMonotonic() - 1)
  })
  const awake = setTimeout(() => {}, 5000) // timers of the system's clock keep no process alive
  await ended
  clearTimeout(awake)
  t.pass('it has ended')
})
