import type { Test } from 'tap'
import { anonymousUserId, asSessionId, asUserId, asWorkerId, isAnonymous } from '#shared/ids.ts'
import { SessionRegistry } from '../../../gateway/sessions/registry.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'
import { settled } from '../../helpers/settled.ts'
import { newStore, onEach } from '../../helpers/store-engines.ts'

const HOUR = 3_600_000
const ADA = asUserId('100000000000000000001')
const BEN = asUserId('100000000000000000002')
const NOBODY = anonymousUserId('x')

async function lab(t: Test) {
  const clock = new FakeClock(1_000_000)
  const store = await newStore(t)
  const ended: string[] = []
  const registryOf = () =>
    new SessionRegistry({
      store,
      clock,
      rules: { ttlMs: 1000 * HOUR, perUser: 2 },
      events: {
        started() {},
        sweepFailed(error) {
          throw error
        },
        ended: (_session, reason) => ended.push(reason)
      },
      verifyLease: async () => {}
    })
  const registry = registryOf()
  t.teardown(async () => {
    await registry.close()
  })
  const open = (name: string, userId = NOBODY) =>
    registry.open({
      id: asSessionId(name),
      userId,
      clientId: 'c',
      initialize: {
        protocolVersion: '2025-11-25',
        capabilities: {},
        clientInfo: { name: 'c', version: '1' }
      },
      workerId: asWorkerId('w-1')
    })
  return { clock, registry, registryOf, ended, open }
}

onEach('nobody’s session becomes somebody’s once, and is theirs after a restart', async (t) => {
  const { clock, registry, registryOf, open } = await lab(t)
  t.ok(isAnonymous(NOBODY))
  t.notOk(isAnonymous(ADA))
  const session = await open('one')
  const expiresAt = clock.now() + 24 * HOUR
  await registry.bind(session, { userId: ADA, level: 'gmail.read', expiresAt, tokenHash: 'h' })
  const bound = { userId: ADA, level: 'gmail.read', expiresAt, tokenHash: 'h', liveIn: undefined }
  t.match(session, bound)
  t.equal(await registry.find(asSessionId('one'), NOBODY), undefined)
  t.equal(await registry.find(asSessionId('one'), ADA), session)
  t.equal(await registry.findTokenless(asSessionId('one')), session)
  const later = registryOf()
  t.match(await later.findTokenless(asSessionId('one')), bound)
  await later.close()
  await t.rejects(
    registry.bind(session, { userId: BEN, level: 'gmail.full', expiresAt }),
    { code: 'ERR_SESSION_UNKNOWN' },
    'a person’s session never becomes another’s'
  )
  t.match(session, bound)
})

onEach('two gateways cannot give one session to two people', async (t) => {
  const { registry, registryOf, open, clock } = await lab(t)
  const here = await open('one')
  const elsewhere = registryOf()
  const there = await elsewhere.findTokenless(asSessionId('one'))
  if (!there) throw new Error('it is stored')
  const expiresAt = clock.now() + HOUR
  await elsewhere.bind(there, { userId: BEN, level: 'gmail.read', expiresAt })
  await t.rejects(registry.bind(here, { userId: ADA, level: 'gmail.read', expiresAt }), {
    code: 'ERR_SESSION_UNKNOWN'
  })
  t.equal(here.userId, NOBODY)
  t.equal(await registry.findTokenless(asSessionId('one')), here)
  t.match(here, { userId: BEN, level: 'gmail.read', expiresAt }, 'the other one’s word counts')
  await elsewhere.close()
})

onEach('a session that needs no token ends at its time, however busy it is', async (t) => {
  const { clock, registry, ended, open } = await lab(t)
  const nobodys = await open('one')
  const adas = await open('two')
  await registry.bind(adas, { userId: ADA, level: 'gmail.read', expiresAt: clock.now() + 2 * HOUR })
  clock.advance(HOUR - 1)
  registry.touch(nobodys)
  t.ok(await registry.findTokenless(asSessionId('one')))
  clock.advance(1)
  t.equal(await registry.findTokenless(asSessionId('one')), undefined)
  t.same(ended, ['expired'])
  const until = clock.now() + 2 * HOUR
  await registry.allow(adas, { userId: ADA, level: 'gmail.modify', expiresAt: until })
  t.match(adas, { level: 'gmail.modify', tokenHash: undefined })
  clock.advance(HOUR)
  registry.touch(adas)
  t.ok(await registry.findTokenless(asSessionId('two')), 'a new sign-in gives it more time')
  clock.advance(HOUR)
  for (let round = 0; round < 20; round += 1) await settled()
  t.equal(await registry.findTokenless(asSessionId('two')), undefined)
  t.same(ended, ['expired', 'expired'])
})

onEach('a session whose calls need a token stays so', async (t) => {
  const { clock, registry, ended, open } = await lab(t)
  const session = await open('one', ADA)
  t.equal(await registry.findTokenless(asSessionId('one')), undefined)
  const expiresAt = clock.now() + HOUR
  await registry.allow(session, { userId: ADA, level: 'gmail.full', expiresAt, tokenHash: 'h' })
  t.match(session, { level: 'gmail.full', expiresAt: undefined, tokenHash: undefined })
  t.equal(await registry.findTokenless(asSessionId('one')), undefined)
  t.equal(await registry.findByHash(session.hash, BEN), undefined)
  t.equal(await registry.findByHash(session.hash, ADA), session)
  await open('two', ADA)
  await registry.bind(await open('three'), {
    userId: ADA,
    level: 'gmail.read',
    expiresAt: clock.now() + HOUR
  })
  t.same(ended, ['limit'], 'a person’s limit holds for such sessions as well')
})
