import t from 'tap'
import {
  type EndReason,
  fade,
  type Lifecycle,
  type LifecycleEvent,
  type Limits,
  step
} from '../../../gateway/supervisor/lifecycle.ts'

const limits: Limits = {
  startMs: 1,
  drainMs: 2,
  killMs: 3,
  brokenMs: 4,
  maxFailures: 3,
  halfLifeMs: 1000,
  restMs: (failures) => (failures < 2 ? 0 : 5)
}
const none = { count: 0, at: 0 }
const once = { count: 1, at: 0 }

const phases: Record<string, Lifecycle> = {
  cold: { phase: 'cold', strikes: none },
  starting: { phase: 'starting', strikes: none },
  ready: { phase: 'ready', strikes: none },
  asked: { phase: 'draining', strikes: none, reason: 'idle', rung: 'asked', isFailure: false },
  terminated: {
    phase: 'draining',
    strikes: none,
    reason: 'idle',
    rung: 'terminated',
    isFailure: false
  },
  killed: { phase: 'draining', strikes: once, reason: 'hung', rung: 'killed', isFailure: true },
  resting: { phase: 'resting', strikes: once },
  broken: { phase: 'broken', strikes: once }
}
const happenings: LifecycleEvent[] = [
  { type: 'wanted', at: 0 },
  { type: 'placed', at: 0 },
  { type: 'started', at: 0 },
  { type: 'exited', at: 0, isOutOfMemory: false },
  { type: 'stop', at: 0, reason: 'admin', mode: 'drain' },
  { type: 'stop', at: 0, reason: 'hung', mode: 'now' },
  { type: 'timeUp', at: 0 },
  { type: 'noRoom', at: 0 }
]

// Every phase meets every happening. `=` stays; the words after it are effects.
//            wanted     placed                     started                exited                   drain                                                 kill                                                  timeUp  noRoom
const table = `
cold       | = enqueue | starting launch,arm(1) | =                   | =                         | =                                               | =                                                    | = | =
starting   | =         | =                      | ready disarm,serve  | cold disarm,end           | draining refuse(STOPPING),kill(SIGKILL),arm(3)  | draining refuse(STOPPING),kill(SIGKILL),arm(3)       | draining refuse(START),kill(SIGKILL),arm(3) | cold disarm,refuse(CAPACITY)
ready      | = serve   | =                      | =                   | cold disarm,end           | draining ask-to-drain,arm(2)                    | draining kill(SIGKILL),arm(3)                        | = | =
asked      | =         | =                      | =                   | cold disarm,end           | =                                               | = kill(SIGKILL),arm(3)                               | = kill(SIGTERM),arm(3) | =
terminated | =         | =                      | =                   | cold disarm,end           | =                                               | = kill(SIGKILL),arm(3)                               | = kill(SIGKILL),arm(3) | =
killed     | =         | =                      | =                   | cold disarm,end           | =                                               | =                                                    | = kill(SIGKILL),arm(3) | =
resting    | =         | =                      | =                   | =                         | cold disarm,refuse(STOPPING)                    | cold disarm,refuse(STOPPING)                         | cold | =
broken     | = refuse(BROKEN) | =               | =                   | =                         | cold disarm                                     | cold disarm                                          | cold | =
`

t.test('every phase answers every happening as the table says', async (t) => {
  for (const row of table.trim().split('\n')) {
    const [name = '', ...cells] = row.split('|').map((cell) => cell.trim())
    const state = phases[name]
    if (!state) throw new Error(`The table names ${name}.`)
    for (const [i, happening] of happenings.entries()) {
      const { state: after, effects } = step(state, happening, limits)
      const moved = after.phase === state.phase ? '=' : after.phase
      const seen = `${moved} ${effects.map(brief).join(',')}`.trim()
      t.equal(seen, cells[i], `${name} + ${happening.type}`)
    }
  }
})

t.test('failures rest, then break, and each fault counts', async (t) => {
  const second = exit({ phase: 'ready', strikes: once })
  t.match(second, { phase: 'resting', strikes: { count: 2 } })
  t.match(exit({ phase: 'starting', strikes: second.strikes }), { phase: 'broken' })
  const hung: LifecycleEvent = { type: 'stop', reason: 'hung', mode: 'now', at: 0 }
  const killed = step({ phase: 'ready', strikes: second.strikes }, hung, limits)
  t.match(killed.state, { phase: 'draining', isFailure: true })
  t.match(exit(killed.state), { phase: 'broken' })
})

t.test('strikes fade, so that two crashes a day never add up to a ban', async (t) => {
  t.equal(fade({ count: 2, at: 500 }, 1500, 1000), 1)
  let state: Lifecycle = { phase: 'ready', strikes: none }
  for (let day = 1; day <= 20; day++) {
    state = exit(state, day * 10_000)
    t.equal(state.phase, 'cold')
    state = { phase: 'ready', strikes: state.strikes }
  }
})

t.test('an end that was asked for is no failure', async (t) => {
  const reasons: EndReason[] = ['idle', 'age', 'admin', 'drain', 'blocked', 'upgrade', 'lease_lost']
  for (const reason of reasons) {
    const happening: LifecycleEvent = { type: 'stop', reason, mode: 'now', at: 0 }
    const { state } = step({ phase: 'ready', strikes: once }, happening, limits)
    t.strictSame(exit(state), { phase: 'cold', strikes: once }, reason)
  }
})

t.test('the first reason of an end stays', async (t) => {
  const ends = (state: Lifecycle, isOutOfMemory = false) =>
    step(state, { type: 'exited', at: 0, isOutOfMemory }, limits).effects.find(
      (effect) => effect.type === 'end'
    )
  t.match(ends({ phase: 'ready', strikes: none }), { reason: 'crash' })
  t.match(ends({ phase: 'ready', strikes: none }, true), { reason: 'oom' })
  t.match(ends({ phase: 'starting', strikes: none }), { reason: 'spawn_failed' })
  const idle = phases.asked
  if (!idle) throw new Error('no such phase')
  const { state } = step(idle, { type: 'stop', reason: 'admin', mode: 'now', at: 0 }, limits)
  t.match(ends(state, true), { reason: 'idle' })
})

const exit = (state: Lifecycle, at = 0): Lifecycle =>
  step(state, { type: 'exited', at, isOutOfMemory: false }, limits).state

function brief(effect: ReturnType<typeof step>['effects'][number]): string {
  if (effect.type === 'arm') return `arm(${effect.ms})`
  if (effect.type === 'kill') return `kill(${effect.signal})`
  if (effect.type === 'refuse') return `refuse(${effect.code.replace('ERR_WORKER_', '')})`
  return effect.type
}
