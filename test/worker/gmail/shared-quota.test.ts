import t from 'tap'
import { type AskForUnits, SharedQuota } from '../../../worker/gmail/shared-quota.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'

const SIGNAL = new AbortController().signal

function open(answer: AskForUnits = async (units) => ({ units })) {
  const clock = new FakeClock()
  const asked: number[] = []
  const pace = new SharedQuota(6000, clock, async (units) => {
    asked.push(units)
    return answer(units)
  })
  return { clock, asked, pace }
}

t.test(
  'a page of mail is one question, and what is left over is used for ten seconds',
  async (t) => {
    const { clock, asked, pace } = open()
    await Promise.all(Array.from({ length: 10 }, () => pace.spend(20, SIGNAL)))
    t.same(asked, [200])
    await pace.spend(5, SIGNAL)
    clock.advance(9000)
    await pace.spend(100, SIGNAL)
    t.same(asked, [200, 200])
    clock.advance(10_001)
    await pace.spend(5, SIGNAL)
    t.same(asked, [200, 200, 200])
  }
)

t.test('where there is little, what is needed is asked for', async (t) => {
  const { asked, pace } = open(async (units) =>
    units > 30 ? { units: 0 } : { units, waited: true }
  )
  t.equal(await pace.spend(20, SIGNAL), true, 'it had to wait')
  t.same(asked, [200, 20])
})

t.test('where there is nothing, the call is refused and told when', async (t) => {
  const { pace } = open(async () => ({ units: 0, retryAfterMs: 7000 }))
  await t.rejects(pace.spend(20, SIGNAL), {
    code: 'rate_limited',
    retryable: true,
    retryAfterMs: 7000
  })
  await t.rejects(pace.spend(20, SIGNAL), { code: 'rate_limited' }, 'and the next one too')
})

t.test('who gives up does not wait, and does not hold up the others', async (t) => {
  const { promise, resolve } = Promise.withResolvers<void>()
  const { pace, asked } = open(async (units) => {
    await promise
    return { units }
  })
  const aborted = new AbortController()
  const impatient = pace.spend(20, aborted.signal)
  const patient = pace.spend(20, SIGNAL)
  aborted.abort(new Error('gone'))
  await t.rejects(impatient, /gone/)
  resolve()
  t.equal(await patient, false)
  t.same(asked, [200])
})

t.test(
  'a mailbox whose earlier worker has spent nearly all is told at once, not call by call',
  async (t) => {
    const { pace } = open(async (units) => ({ units, left: 0 }))
    const many = Array.from({ length: 120 }, () => pace.spend(20, SIGNAL))
    const refused = await Promise.allSettled(many)
    t.equal(refused[0]?.status, 'rejected', '2,400 units are 24 s away')
    t.match(refused[0], { reason: { code: 'rate_limited', retryAfterMs: 22_000 } })
    t.ok(
      refused.some(({ status }) => status === 'fulfilled'),
      'and some of them had place then'
    )
  }
)
