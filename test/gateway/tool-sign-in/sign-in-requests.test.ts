import t from 'tap'
import { asUserId } from '#shared/ids.ts'
import type { GoogleResult } from '../../../gateway/sign-in/admit-account.ts'
import {
  type SignInIntent,
  SignInRequests
} from '../../../gateway/tool-sign-in/sign-in-requests.ts'
import { isUserCode, newUserCode } from '../../../gateway/tool-sign-in/user-code.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'
import { settled } from '../../helpers/settled.ts'

const MINUTES = 60_000

const arrivalOf = (sub: string): GoogleResult => ({
  profile: { userId: asUserId(sub), email: 'ada@x.example', emailVerified: true, hd: undefined },
  access: { accessToken: 'a', expiresAt: 0, scopes: [], refreshToken: 'r' },
  wanted: 'gmail.read',
  consentForced: false,
  through: 'tool',
  requestId: 'r-1'
})
const ARRIVAL = arrivalOf('1')

const wishOf = (owner: string): SignInIntent => ({
  owner,
  level: 'gmail.read',
  person: undefined,
  clientName: 'client',
  loginHint: undefined
})

function lab() {
  const clock = new FakeClock()
  const discarded: GoogleResult[] = []
  const requests = new SignInRequests({ clock, discard: (arrival) => discarded.push(arrival) })
  const begin = (owner = 's1') => {
    const { request, link } = requests.begin(wishOf(owner))
    return { id: request.id, link }
  }
  const held = (owner = 's1') => {
    const { id, link } = begin(owner)
    requests.depart(id)
    return { id, link, code: requests.hold(id, ARRIVAL) ?? '' }
  }
  const status = (owner = 's1') => requests.of(owner, undefined)?.status
  return { clock, discarded, requests, begin, held, status }
}

t.test('a sign-in goes from link to Google to code to its end, each step once', async (t) => {
  const { requests, begin, status, discarded } = lab()
  t.equal(status(), undefined)
  const { id, link } = begin()
  t.equal(requests.behind(link)?.id, id)
  t.equal(requests.behind(link)?.id, id, 'looking uses nothing up')
  t.equal(requests.behind(id), undefined, 'its name is not the link')
  t.equal(requests.hold(id, ARRIVAL), undefined, 'nobody has gone to Google')
  t.ok(requests.depart(id))
  t.notOk(requests.depart(id), 'the link is used')
  t.equal(requests.behind(link), undefined)
  t.equal(status(), 'pending')
  const code = requests.hold(id, ARRIVAL) ?? ''
  t.match(code, /^[B-Z2-9]{4}-[B-Z2-9]{4}$/)
  t.equal(requests.hold(id, ARRIVAL), undefined, 'a second visit is not taken')
  t.equal(status(), 'code_required')
  t.same(requests.redeem('another session', undefined, code), { kind: 'none' })
  t.same(requests.redeem('another session', id, code), { kind: 'none' })
  t.same(requests.redeem('s1', id, ` ${code.toLowerCase().replace('-', ' ')} `), {
    kind: 'right',
    arrival: ARRIVAL
  })
  t.same(requests.redeem('s1', id, code), { kind: 'none' }, 'a code works once')
  t.equal(status(), 'authenticated')
  requests.close()
  t.same(discarded, [], 'what was used is not given back')
})

t.test('five wrong codes end it', async (t) => {
  const { requests, held, status, discarded } = lab()
  const { code } = held()
  for (const triesLeft of [4, 3, 2, 1])
    t.same(requests.redeem('s1', undefined, 'BBBB-BBBB'), { kind: 'wrong', triesLeft })
  t.equal(status(), 'code_required')
  t.same(requests.redeem('s1', undefined, ''), { kind: 'wrong', triesLeft: 0 })
  t.equal(status(), 'denied')
  t.same(requests.redeem('s1', undefined, code), { kind: 'none' })
  t.same(discarded, [ARRIVAL])
})

t.test(
  'links, visits and codes have ten minutes each, and what Google gave ends with them',
  async (t) => {
    const { clock, requests, begin, held, status, discarded } = lab()
    const { link } = begin()
    clock.advance(10 * MINUTES - 1)
    t.ok(requests.behind(link))
    clock.advance(1)
    t.equal(requests.behind(link), undefined)
    t.equal(status(), 'expired')
    clock.advance(10 * MINUTES)
    t.equal(status(), undefined, 'and is forgotten')

    const { id, code } = held()
    clock.advance(10 * MINUTES)
    t.equal(status(), 'expired')
    t.same(requests.redeem('s1', id, code), { kind: 'none' })
    t.same(discarded, [ARRIVAL])

    const visit = begin()
    requests.depart(visit.id)
    clock.advance(10 * MINUTES)
    t.equal(requests.visiting(visit.id), undefined, 'who comes back too late')
  }
)

t.test('a new link, a restart and a refusal drop what was there', async (t) => {
  const { requests, begin, held, status, discarded } = lab()
  const first = begin()
  const second = held()
  t.equal(requests.behind(first.link), undefined)
  begin()
  t.same(discarded, [ARRIVAL], 'of the same session')
  t.equal(status(), 'pending')
  t.same(requests.redeem('s1', undefined, second.code), { kind: 'none' })
  held('s2')
  const third = requests.begin(wishOf('s3'))
  requests.refuse(third.request.id, 'wrong_account')
  t.equal(status('s3'), 'wrong_account')
  requests.refuse(third.request.id, 'denied')
  t.equal(status('s3'), 'wrong_account', 'the first outcome stays')
  requests.close()
  requests.close()
  t.equal(discarded.length, 2)
  t.equal(status('s2'), undefined)
})

t.test('who waits hears of the outcome, or that the time is up', async (t) => {
  const { clock, requests, begin, status } = lab()
  await requests.change('s1', undefined, 1000)
  t.pass('there is nothing to wait for')
  const { id } = begin()
  let heard = 0
  const wait = () => void requests.change('s1', undefined, 30_000).then(() => (heard += 1))
  wait()
  requests.depart(id)
  await settled()
  t.equal(heard, 0, 'that somebody went to Google is no news')
  requests.hold(id, ARRIVAL)
  await settled()
  t.equal(heard, 1)
  t.equal(status(), 'code_required')
  begin()
  wait()
  clock.advance(30_000)
  await settled()
  t.equal(heard, 2)
})

t.test('there are not more than a thousand', async (t) => {
  const { begin } = lab()
  for (let n = 0; n < 1000; n += 1) begin(`s${n}`)
  begin('s7')
  t.throws(() => begin('one more'), { code: 'ERR_QUEUE_FULL' })
})

t.test('codes are read as people write them', async (t) => {
  const codes = Array.from({ length: 500 }, newUserCode)
  t.equal(new Set(codes).size, 500)
  t.ok(
    codes.every((code) =>
      /^[BCDFGHJKLMNPQRSTVWXZ2346789]{4}-[BCDFGHJKLMNPQRSTVWXZ2346789]{4}$/.test(code)
    )
  )
  t.ok(isUserCode('BCDF-2346', 'bcdf 2346'))
  t.notOk(isUserCode('BCDF-2346', 'BCDF-2347'))
  t.notOk(isUserCode('BCDF-2346', 'BCDF-23467'))
  t.notOk(isUserCode('BCDF-2346', ''))
})
