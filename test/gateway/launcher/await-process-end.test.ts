import t from 'tap'
import { awaitProcessEnd } from '../../../gateway/launcher/await-process-end.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'
import { settled } from '../../helpers/settled.ts'

async function wait(startOf: () => string | undefined) {
  const clock = new FakeClock()
  let isOver = false
  void awaitProcessEnd(clock, startOf).then(() => {
    isOver = true
  })
  return async (ms: number): Promise<boolean> => {
    for (let gone = 0; gone < ms; gone += 2) {
      clock.advance(2)
      await settled()
    }
    return isOver
  }
}

t.test(
  'a process that was killed is waited for until it is gone, by the clock that is given',
  async (t) => {
    let start: string | undefined = '7'
    const after = await wait(() => start)
    t.equal(await after(100), false)
    start = undefined
    t.equal(await after(2), true)
  }
)

t.test('another process with its pid is not waited for, and none for ever', async (t) => {
  let start = '7'
  const after = await wait(() => start)
  start = '8'
  t.equal(await after(2), true)
  const stuck = await wait(() => '7')
  t.equal(await stuck(900), false)
  t.equal(await stuck(100), true)
})
