import t from 'tap'
import { asUserId, type UserId } from '#shared/ids.ts'
import { MOST_UNITS, type QuotaAnswer, QuotaShares } from '../../../gateway/mcp/quota-shares.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'

const ADA = asUserId('ada')
const BEN = asUserId('ben')
const MINUTE = 60_000

function shares(perPerson: number, perProject: number) {
  const clock = new FakeClock()
  const quota = new QuotaShares({ perPerson, perProject }, clock)
  const answers: string[] = []
  const ask = (who: UserId, units: number) => {
    void quota.ask(who, units).then((answer) => answers.push(`${who} ${answer.units}`))
  }
  /** What was answered since the last time. */
  const heard = async () => {
    await new Promise(setImmediate)
    return answers.splice(0)
  }
  return { clock, quota, ask, heard }
}

t.test('a person gets what one person may have, and is told when there is more', async (t) => {
  const { quota, clock } = shares(600, 100_000)
  t.same(await quota.ask(ADA, 400), { units: 400, left: 200, waited: false })
  t.same(await quota.ask(ADA, 200), { units: 200, left: 0, waited: false })
  t.same(
    await quota.ask(ADA, 400),
    { units: 0, left: 0, retryAfterMs: 40_000 },
    '10 units come in a second'
  )
  t.match(await quota.ask(BEN, 400), { units: 400 }, 'which is nothing to anybody else')
  const soon = quota.ask(ADA, 100)
  clock.advance(10_000)
  t.same(await soon, { units: 100, left: 0, waited: true }, 'a short wait is waited for')
  clock.advance(MINUTE)
  t.match(await quota.ask(ADA, 500), { units: 500 })
})

t.test('all together get what the project has, who had least goes first', async (t) => {
  const { ask, heard, clock } = shares(6000, 1200)
  for (let n = 0; n < 3; n += 1) ask(ADA, 400)
  t.same(await heard(), ['ada 400', 'ada 400', 'ada 400'])
  for (let n = 0; n < 3; n += 1) ask(ADA, 100)
  for (const who of ['ben', 'cem']) ask(asUserId(who), 100)
  t.same(await heard(), [], 'the project is used up')
  clock.advance(5000)
  t.same(await heard(), ['ben 100'])
  clock.advance(5000)
  t.same(await heard(), ['cem 100'], 'and not she who came first and has had most')
  clock.advance(5000)
  t.same(await heard(), ['ada 100'])
})

t.test('who would wait too long is told when to come again', async (t) => {
  const { quota, clock } = shares(6000, 600)
  for (const who of ['a', 'b']) await quota.ask(asUserId(who), 300)
  const late: Promise<QuotaAnswer>[] = [1, 2, 3].map((n) => quota.ask(asUserId(`late${n}`), 150))
  clock.advance(20_000)
  const answers = await Promise.all(late)
  t.equal(answers.filter(({ units }) => units === 150).length, 1)
  for (const answer of answers)
    if ('retryAfterMs' in answer)
      t.ok(answer.retryAfterMs >= 1000 && answer.retryAfterMs <= MINUTE, `${answer.retryAfterMs}`)
})

// A worker that has fallen says what it likes, as often as it likes.
t.test('a worker takes no more than its share, whatever it asks', async (t) => {
  const { quota, clock } = shares(6000, 100_000)
  const greedy = Array.from({ length: 500 }, () => quota.ask(ADA, 10_000))
  await new Promise(setImmediate)
  clock.advance(20_000)
  const got = (await Promise.all(greedy)).reduce((sum, { units }) => sum + units, 0)
  t.ok(got <= 6000 + 2000, `${got} in 20 s`)
  t.match(await quota.ask(BEN, 10_000), { units: MOST_UNITS, waited: false })
})

t.test('nobody waits for a gateway that stops', async (t) => {
  const { quota } = shares(6000, 500)
  await quota.ask(ADA, 500)
  const waiting = quota.ask(BEN, 100)
  quota.close()
  t.match(await waiting, { units: 0 })
})
