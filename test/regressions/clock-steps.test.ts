// A wall clock is put right now and then: by NTP, by a person, after a machine slept. Durations are counted by a
// monotonic clock, which POSIX (clock_gettime, CLOCK_MONOTONIC) says cannot be set.
import t from 'tap'
import { asSessionId, asUserId, asWorkerId } from '#shared/ids.ts'
import { ClockWatch } from '../../gateway/health/clock-watch.ts'
import { FailedAttempts } from '../../gateway/http/failed-attempts.ts'
import { rateLimitStoreOf } from '../../gateway/http/rate-limit-store.ts'
import { CallerLimits } from '../../gateway/mcp/caller-limits.ts'
import { SessionRegistry } from '../../gateway/sessions/registry.ts'
import { openStore } from '../../gateway/store/store.ts'
import { QuotaBucket } from '../../worker/gmail/quota-bucket.ts'
import { FakeClock } from '../helpers/fake-clock.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const anna = asUserId('100000000000000000001')

t.test('a clock that is put back keeps nobody out', (t) => {
  const clock = new FakeClock(DAY)
  const limits = new CallerLimits({ inFlight: 9, perSecond: 1, burst: 2, streams: 1 }, clock)
  limits.spend(anna)
  clock.step(-3 * HOUR)
  limits.spend(anna)
  t.throws(() => limits.spend(anna), { code: 'ERR_TOO_MANY_CALLS', retryAfter: 1 })
  clock.advance(1000)
  t.doesNotThrow(() => limits.spend(anna), 'the bucket fills as ever')
  t.end()
})

t.test('an address that sent wrong tokens waits a minute, whatever the clock does', (t) => {
  const clock = new FakeClock(DAY)
  const attempts = new FailedAttempts(clock)
  for (let sent = 0; sent < 120; sent += 1) attempts.failed('198.51.100.1')
  t.equal(attempts.waitFor('198.51.100.1'), 60)
  clock.step(-HOUR)
  t.equal(attempts.waitFor('198.51.100.1'), 60)
  clock.advance(60_000)
  t.equal(attempts.waitFor('198.51.100.1'), 0)
  t.end()
})

t.test('a window of a rate limit ends after its time', (t) => {
  const clock = new FakeClock(DAY)
  const RateWindows = rateLimitStoreOf(clock)
  const windows = new RateWindows({})
  const ask = () => {
    let answer: { current: number; ttl: number } | undefined
    windows.incr('198.51.100.1', (_error, result) => (answer = result), 60_000, 10)
    return answer
  }
  t.same(ask(), { current: 1, ttl: 60_000 })
  clock.step(-HOUR)
  clock.advance(20_000)
  t.same(ask(), { current: 2, ttl: 40_000 })
  clock.advance(40_000)
  t.same(ask(), { current: 1, ttl: 60_000 })
  t.end()
})

t.test('quota units come back although the clock was put back', (t) => {
  const clock = new FakeClock(DAY)
  const pace = new QuotaBucket(600, clock)
  void pace.spend(600, new AbortController().signal)
  clock.step(-HOUR)
  clock.advance(60_000)
  t.equal(pace.left, 600)
  t.end()
})

t.test('a step is told, and for a while nothing is old because of it', (t) => {
  const clock = new FakeClock(DAY)
  const steps: number[] = []
  const watch = new ClockWatch({ clock, onStep: (seconds) => steps.push(seconds) })
  clock.advance(10_000)
  t.ok(watch.isSettled())
  clock.step(8 * DAY)
  t.notOk(watch.isSettled(), 'at once, not at the next look')
  clock.step(-8 * DAY)
  clock.advance(5000)
  t.same(steps, [8 * 86_400, -8 * 86_400])
  clock.advance(HOUR)
  t.ok(watch.isSettled())
  clock.step(-HOUR)
  t.ok(watch.isSettled(), 'nothing gets older by a step back')
  watch.close()
  watch.close()
  t.end()
})

t.test(
  'a session outlives a clock that goes eight days wrong and is put right again',
  async (t) => {
    const clock = new FakeClock(DAY)
    const store = await openStore('sqlite::memory:')
    const watch = new ClockWatch({ clock, onStep: () => {} })
    const registry = new SessionRegistry({
      store,
      clock,
      isClockSettled: () => watch.isSettled(),
      rules: { ttlMs: 7 * DAY, perUser: 9 },
      verifyLease: async () => {},
      events: { started() {}, ended: () => t.fail('it ended'), sweepFailed: () => t.fail('sweep') }
    })
    const id = asSessionId('an-id')
    await registry.open({
      id,
      userId: anna,
      clientId: 'c',
      workerId: asWorkerId('w-1'),
      initialize: {
        protocolVersion: '2025-11-25',
        capabilities: {},
        clientInfo: { name: 'x', version: '1' }
      }
    })
    clock.step(8 * DAY)
    t.ok(await registry.find(id, anna))
    clock.advance(60_000) // sweeps pass
    clock.step(-8 * DAY)
    t.ok(await registry.find(id, anna))
    watch.close()
    await registry.close()
    await store.close()
  }
)
