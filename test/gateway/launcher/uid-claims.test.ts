import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { uidClaims } from '../../../gateway/launcher/uid-claims.ts'
import { UidPool } from '../../../gateway/launcher/uid-pool.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'

t.test('two gateways of one machine never give the same user id to two workers', async (t) => {
  const directory = t.testdir()
  const started = new Map([
    [10, '1'],
    [11, '2']
  ])
  const slots = (pid: number) =>
    new UidPool({
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

t.test('a gateway that cannot be known to be gone keeps what it claimed', async (t) => {
  const directory = t.testdir()
  const started = new Map([
    [10, '1'],
    [11, '2']
  ])
  const [first, second] = [10, 11].map((pid) =>
    uidClaims({ directory, pid, startOf: (one) => started.get(one) })
  )
  t.ok(first?.claim(1))
  started.set(10, '0') // it is there, and /proc does not say since when
  t.notOk(second?.claim(1))
  started.delete(10)
  t.ok(second?.claim(1))
})

t.test('a claim that cannot be removed is claimed again by who has it, and by nobody else', (t) => {
  const directory = t.testdir()
  const startOf = (pid: number) => `${pid}0`
  const [mine, others] = [10, 11].map((pid) => uidClaims({ directory, pid, startOf }))
  t.ok(mine?.claim(1))
  const file = join(directory, 'claims-1', '10-100')
  rmSync(file)
  mkdirSync(file) // what no removal of a file removes
  t.doesNotThrow(() => mine?.giveBack(1))
  rmSync(file, { recursive: true })
  writeFileSync(file, '')
  t.notOk(others?.claim(1))
  t.ok(mine?.claim(1))
  mine?.giveBack(1)
  t.ok(others?.claim(1))
  t.notOk(mine?.claim(1))
  t.end()
})

t.test('of two that want what a dead gateway had, at the same moment, never both get it', (t) => {
  for (const moment of [1, 2, 3]) {
    const directory = t.testdir({})
    const alive = new Map([
      [9, '90'],
      [10, '100'],
      [11, '110']
    ])
    t.ok(uidClaims({ directory, pid: 9, startOf: (pid) => alive.get(pid) }).claim(1))
    alive.delete(9)
    const second = uidClaims({ directory, pid: 11, startOf: (pid) => alive.get(pid) })
    let looks = -1 // the first is for its own name
    let secondGot = false
    const first = uidClaims({
      directory,
      pid: 10,
      startOf(pid) {
        looks += 1
        if (looks === moment) secondGot = second.claim(1)
        return alive.get(pid)
      }
    })
    const firstGot = first.claim(1)
    if (looks < moment) secondGot = second.claim(1)
    t.notOk(firstGot && secondGot, `in the middle of look ${moment}`)
    if (!firstGot && !secondGot) t.ok(first.claim(1) || second.claim(1), 'the id is not lost')
    rmSync(directory, { recursive: true })
  }
  t.end()
})
