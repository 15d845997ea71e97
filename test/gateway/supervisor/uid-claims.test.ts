import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { uidClaims } from '../../../gateway/supervisor/uid-claims.ts'
import { UidSlots } from '../../../gateway/supervisor/uid-slots.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'

t.test('two gateways of one machine never give the same user id to two workers', async (t) => {
  const directory = t.testdir()
  const started = new Map([
    [10, 'a'],
    [11, 'b']
  ])
  const slots = (pid: number) =>
    new UidSlots({
      range: { first: 1, last: 3 },
      clock: new FakeClock(),
      processesOf: async () => [],
      kill: () => t.fail('nothing is there to be killed'),
      claims: uidClaims({ directory, pid, startOf: (one) => started.get(one) })
    })
  const [first, second] = [slots(10), slots(11)]
  t.same([first.take(), first.take(), second.take()], [1, 2, 3])
  t.throws(() => second.take(), { code: 'ERR_WORKER_CAPACITY' })
  await first.free(2)
  t.equal(second.take(), 2, 'what one gave back is the other’s')
  t.throws(() => first.take(), { code: 'ERR_WORKER_CAPACITY' })
  started.delete(11)
  t.same([first.take(), first.take()], [3, 2], 'what a dead gateway had is free')
})

t.test('a claim that cannot be removed is claimed again by who has it, and by nobody else', (t) => {
  const directory = t.testdir()
  const startOf = (pid: number) => `started-${pid}`
  const [mine, others] = [10, 11].map((pid) => uidClaims({ directory, pid, startOf }))
  t.ok(mine?.claim(1))
  const file = join(directory, 'uid-1')
  rmSync(file)
  mkdirSync(file) // what no removal of a file removes
  t.doesNotThrow(() => mine?.giveBack(1))
  rmSync(file, { recursive: true })
  writeFileSync(file, '10 started-10')
  t.notOk(others?.claim(1))
  t.ok(mine?.claim(1))
  mine?.giveBack(1)
  t.ok(others?.claim(1))
  t.notOk(mine?.claim(1), 'it was kept once')
  t.end()
})
