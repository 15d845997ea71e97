import type { Test } from 'tap'
import { asUserId } from '#shared/ids.ts'
import { createKeyring } from '../../../gateway/accounts/keyring.ts'
import { createConfirmations } from '../../../gateway/sign-in/confirmations.ts'
import { createSealedCookies } from '../../../gateway/web/sealed-cookies.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'
import { newStore, onEach } from '../../helpers/store-engines.ts'

const ADA = asUserId('ada')
const BEN = asUserId('ben')
const HASH = 'h'.repeat(43)
const WORDS = ['Delete one message for good.', 'bo@out.test: Tea']

async function open(t: Test) {
  const clock = new FakeClock()
  const store = await newStore(t)
  const cookies = createSealedCookies({ keyring: createKeyring(), clock, secure: true })
  const publicUrl = 'https://gw.test'
  return { clock, store, confirmations: createConfirmations({ store, cookies, clock, publicUrl }) }
}

onEach('an act is allowed once, by the one person whose it is', async (t) => {
  const { confirmations, store } = await open(t)
  const first = await confirmations.ask(ADA, HASH, WORDS)
  const [waiting] = await confirmations.waiting(ADA)
  t.match(first, { state: 'asked', url: `https://gw.test/account/confirm/${waiting?.id}` })
  t.same(waiting?.words, WORDS)
  t.same(await confirmations.ask(ADA, HASH, WORDS), first, 'the same question has the same link')
  const [row] = await store.db.selectFrom('oauth').selectAll().execute()
  t.notMatch(JSON.stringify(row), /Tea|bo@out/, 'what is stored is sealed')
  const id = waiting?.id ?? ''
  t.same(await confirmations.waiting(BEN), [])
  t.notOk(await confirmations.decide(BEN, id, true), 'it is not for another to say')
  t.match(await confirmations.ask(BEN, HASH, WORDS), { state: 'asked' }, 'nor for another’s act')
  t.ok(await confirmations.decide(ADA, id, true))
  t.notOk(await confirmations.decide(ADA, id, false), 'what is said is said')
  t.match(await confirmations.ask(ADA, 'x'.repeat(43), WORDS), { state: 'asked' }, 'another act')
  const both = await Promise.all([1, 2].map(() => confirmations.ask(ADA, HASH, WORDS)))
  t.equal(both.filter(({ state }) => state === 'allowed').length, 1, 'of two at once one goes on')
  t.match(await confirmations.ask(ADA, HASH, WORDS), { state: 'asked' })
})

onEach('a refusal is told once, and silence ends after ten minutes', async (t) => {
  const { confirmations, clock } = await open(t)
  const idOf = async () => (await confirmations.waiting(ADA))[0]?.id ?? ''
  await confirmations.ask(ADA, HASH, WORDS)
  await confirmations.decide(ADA, await idOf(), false)
  t.same(await confirmations.ask(ADA, HASH, WORDS), { state: 'refused' })
  await confirmations.ask(ADA, HASH, WORDS)
  const old = await idOf()
  clock.advance(600_001)
  t.notOk(await confirmations.decide(ADA, old, true))
  t.same(await confirmations.waiting(ADA), [])
  await confirmations.ask(ADA, HASH, WORDS)
  await confirmations.decide(ADA, await idOf(), true)
  clock.advance(600_001)
  t.match(
    await confirmations.ask(ADA, HASH, WORDS),
    { state: 'asked' },
    'a word is not good for ever'
  )
})

onEach('a worker cannot fill the page of its person, nor the store', async (t) => {
  const { confirmations } = await open(t)
  for (let n = 0; n < 30; n += 1) await confirmations.ask(ADA, `${n}`.padEnd(43, 'h'), WORDS)
  t.equal((await confirmations.waiting(ADA)).length, 20)
  t.same(await confirmations.ask(ADA, 'z'.repeat(43), WORDS), { state: 'unavailable' })
  t.match(await confirmations.ask(BEN, HASH, WORDS), { state: 'asked' }, 'others are asked')
})
