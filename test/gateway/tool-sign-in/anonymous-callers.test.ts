import t from 'tap'
import { anonymousUserId, asSessionId, asWorkerId, isAnonymous, type UserId } from '#shared/ids.ts'
import { AnonymousCallers } from '../../../gateway/tool-sign-in/anonymous-callers.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'

const SNAPSHOT = {
  id: asWorkerId('w-1'),
  pid: 1,
  phase: 'ready',
  inFlight: 0,
  rssBytes: null,
  cpuSeconds: null,
  eventLoopLagSeconds: null,
  startedAt: 0,
  lastCallAt: null,
  requests: 0,
  version: null
} as const

/** Strangers of whom so many may be there at once, and whose processes are those in `running`. */
function lab(atOnce = 2) {
  const clock = new FakeClock(1_000_000)
  const running: (UserId | null)[] = []
  const strangers = new AnonymousCallers({
    clock,
    sessions: { findTokenless: async () => undefined, end: async () => undefined },
    accounts: { find: async () => undefined },
    personalTokens: { isLive: async () => true },
    supervisor: { list: () => running.map((userId) => ({ ...SNAPSHOT, userId })) },
    atOnce
  })
  return { clock, running, strangers }
}

t.test('each new stranger is another one, without any access', async (t) => {
  const { strangers } = lab()
  const [one, two] = [strangers.begin('10.0.0.1'), strangers.begin('10.0.0.1')]
  t.match(one, { level: undefined, credential: 'session', clientId: 'sign-in-by-tool' })
  t.ok(isAnonymous(one.userId))
  t.not(one.userId, two.userId)
  await t.rejects(strangers.recognise(asSessionId('unknown'), '10.0.0.1'), {
    code: 'ERR_SESSION_UNKNOWN'
  })
})

t.test('one address begins ten sessions in a minute, all together three hundred', async (t) => {
  const { clock, strangers } = lab()
  for (let n = 0; n < 10; n += 1) strangers.begin('10.0.0.1')
  t.throws(() => strangers.begin('10.0.0.1'), { code: 'ERR_TOO_MANY_CALLS', retryAfter: 60 })
  for (let n = 10; n < 300; n += 1) strangers.begin(`10.0.1.${n}`)
  t.throws(() => strangers.begin('10.0.0.2'), { code: 'ERR_TOO_MANY_CALLS' })
  clock.advance(60_000)
  t.doesNotThrow(() => strangers.begin('10.0.0.1'))
})

t.test('strangers take few places: by a process, or by a call that waits for one', async (t) => {
  const { running, strangers } = lab()
  const first = strangers.begin('10.0.0.1')
  const leave = strangers.enter(first)
  const leaveAgain = strangers.enter(first)
  running.push(anonymousUserId('with a process'), anonymousUserId('with a process'), null)
  t.throws(() => strangers.begin('10.0.0.1'), { code: 'ERR_WORKER_CAPACITY' })
  leave()
  t.throws(() => strangers.begin('10.0.0.1'), { code: 'ERR_WORKER_CAPACITY' })
  leaveAgain()
  t.doesNotThrow(() => strangers.begin('10.0.0.1'))
})

t.test('one address takes half of the places, whether it calls or has called', async (t) => {
  const { running, strangers } = lab(4)
  const come = (address: string) => {
    const caller = strangers.begin(address)
    return { caller, leave: strangers.enter(caller) }
  }
  const those = [come('10.0.0.1'), come('10.0.0.1')]
  t.throws(() => strangers.begin('10.0.0.1'), { code: 'ERR_WORKER_CAPACITY', retryAfter: 10 })
  running.push(...those.map(({ caller }) => caller.userId))
  for (const { leave } of those) leave()
  t.throws(
    () => strangers.begin('10.0.0.1'),
    { code: 'ERR_WORKER_CAPACITY' },
    'a process is a place'
  )
  t.throws(
    () => strangers.begin('::ffff:10.0.0.1'),
    { code: 'ERR_WORKER_CAPACITY' },
    'the same one'
  )
  come('10.0.0.2')
  running.shift()
  t.doesNotThrow(() => come('10.0.0.1'), 'its first process has ended')
  t.throws(() => strangers.begin('10.0.0.1'), { code: 'ERR_WORKER_CAPACITY' })
  t.doesNotThrow(() => strangers.begin('10.0.0.3'))
})
