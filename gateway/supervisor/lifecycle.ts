/**
 * The life of one user's worker process, as a table.
 *
 *   cold --placed--> starting --started--> ready --stop--> draining --exited--> cold
 *                       |                    |                |
 *                       +------ exited ------+-- a failure ---+--> resting --timeUp--> cold
 *                                                             +--> broken  --timeUp--> cold
 *
 * Pure: no clock, no process, no log. The supervisor performs the effects. Whether anybody wants the
 * worker is the supervisor's knowledge; it says `wanted` again when the worker is cold.
 */
import type { ErrorCode } from '#shared/errors.ts'

export type Lifecycle = Cold | Starting | Ready | Draining | Resting | Broken
export type Phase = Lifecycle['phase']

/** Failures that fade: `count` was true at `at` (as `Clock.monotonic`) and halves every half-life. */
export interface Strikes {
  readonly count: number
  readonly at: number
}

/** Why a worker ended. The first reason given stays. */
export type EndReason =
  | 'admin' // an operator stopped it
  | 'age' // it reached the greatest age
  | 'blocked' // its account was blocked, erased or signed out
  | 'crash' // it ended by itself
  | 'drain' // the gateway stops
  | 'evicted' // it was idle, and others waited for its place
  | 'hung' // it did not answer the heartbeat
  | 'idle' // its user made no call for a while
  | 'lease_lost' // another gateway runs this user now
  | 'oom' // it used too much memory
  | 'signed_in' // it was nobody's, and its session became somebody's
  | 'spawn_failed' // it never became ready
  | 'upgrade' // a newer program replaces it

type Cold = { readonly phase: 'cold'; readonly strikes: Strikes }
type Starting = { readonly phase: 'starting'; readonly strikes: Strikes }
type Ready = { readonly phase: 'ready'; readonly strikes: Strikes }
type Draining = {
  readonly phase: 'draining'
  readonly strikes: Strikes
  readonly reason: EndReason
  readonly rung: Rung
  /** The end was forced by a fault of the worker, so it rests before its next life. */
  readonly isFailure: boolean
}
type Resting = { readonly phase: 'resting'; readonly strikes: Strikes }
type Broken = { readonly phase: 'broken'; readonly strikes: Strikes }

/** The stop ladder: a message, SIGTERM, SIGKILL; each step when the one before did not end the process. */
type Rung = 'asked' | 'terminated' | 'killed'

/** `at` is as `Clock.monotonic`. */
export type LifecycleEvent = { readonly at: number } & (
  | { readonly type: 'wanted' } // somebody needs this worker
  | { readonly type: 'placed' } // admission gave it a place
  | { readonly type: 'noRoom' } // the machine has no room for another process
  | { readonly type: 'started' } // it listens and knows whose it is
  | { readonly type: 'exited'; readonly isOutOfMemory: boolean } // the process is gone
  | { readonly type: 'stop'; readonly reason: EndReason; readonly mode: StopMode }
  | { readonly type: 'timeUp' } // the timer armed by this phase fired
)

/** `drain` lets calls in flight finish; `now` does not. */
export type StopMode = 'drain' | 'now'

export type Effect =
  | { readonly type: 'enqueue' } // ask admission for a place
  | { readonly type: 'launch' }
  | { readonly type: 'serve' } // hand the worker to those who wait
  | { readonly type: 'refuse'; readonly code: ErrorCode } // reject those who wait
  | { readonly type: 'ask-to-drain' }
  | { readonly type: 'kill'; readonly signal: 'SIGTERM' | 'SIGKILL' }
  | { readonly type: 'end'; readonly reason: EndReason } // the process is gone, for this reason
  | { readonly type: 'arm'; readonly ms: number }
  | { readonly type: 'disarm' }

export interface Limits {
  /** From launch to `assigned`. */
  readonly startMs: number
  /** From the drain message to SIGTERM. */
  readonly drainMs: number
  /** From SIGTERM to SIGKILL, and from one SIGKILL to the next. */
  readonly killMs: number
  /** How long a worker stays refused after too many failures. */
  readonly brokenMs: number
  /** So many failures within about a half-life are too many. */
  readonly maxFailures: number
  /** A strike counts half after this time, so that two crashes a day never add up to a ban. */
  readonly halfLifeMs: number
  /** How long to wait before the start that follows `failures` failures; 0 for at once. */
  restMs(failures: number): number
}

export interface Step {
  readonly state: Lifecycle
  readonly effects: readonly Effect[]
}

export const COLD: Lifecycle = { phase: 'cold', strikes: { count: 0, at: 0 } }

/** The whole table: what a happening does to a worker in its phase. What has no line changes nothing. */
export function step(state: Lifecycle, happening: LifecycleEvent, limits: Limits): Step {
  switch (state.phase) {
    case 'cold':
      return whileCold(state, happening, limits)
    case 'starting':
      return whileStarting(state, happening, limits)
    case 'ready':
      return whileReady(state, happening, limits)
    case 'draining':
      return whileDraining(state, happening, limits)
    case 'resting':
      return whileResting(state, happening)
    case 'broken':
      return whileBroken(state, happening)
  }
}

/** The strikes left at `at`. */
export const fade = ({ count, at }: Strikes, now: number, halfLifeMs: number): number =>
  count * 0.5 ** (Math.max(0, now - at) / halfLifeMs)

function whileCold(state: Cold, happening: LifecycleEvent, limits: Limits): Step {
  switch (happening.type) {
    case 'wanted':
      return { state, effects: [{ type: 'enqueue' }] }
    case 'placed':
      return {
        state: { phase: 'starting', strikes: state.strikes },
        effects: [{ type: 'launch' }, { type: 'arm', ms: limits.startMs }]
      }
    default:
      return stay(state)
  }
}

function whileStarting(state: Starting, happening: LifecycleEvent, limits: Limits): Step {
  switch (happening.type) {
    case 'started':
      return {
        state: { phase: 'ready', strikes: state.strikes },
        effects: [{ type: 'disarm' }, { type: 'serve' }]
      }
    case 'noRoom': // which is nobody's failure
      return {
        state: { phase: 'cold', strikes: state.strikes },
        effects: [{ type: 'disarm' }, { type: 'refuse', code: 'ERR_WORKER_CAPACITY' }]
      }
    case 'exited':
      return settle(strike(state.strikes, happening.at, limits), 'spawn_failed', limits)
    case 'timeUp': {
      const refusal: Effect = { type: 'refuse', code: 'ERR_WORKER_START' }
      const stop = { reason: 'spawn_failed', mode: 'now', at: happening.at } as const
      const { state: next, effects } = leave(state.strikes, stop, limits)
      return { state: next, effects: [refusal, ...effects] }
    }
    case 'stop': {
      // Nothing is in flight yet, so there is nothing to drain.
      const refusal: Effect = { type: 'refuse', code: 'ERR_WORKER_STOPPING' }
      const { state: next, effects } = leave(state.strikes, { ...happening, mode: 'now' }, limits)
      return { state: next, effects: [refusal, ...effects] }
    }
    default:
      return stay(state)
  }
}

function whileReady(state: Ready, happening: LifecycleEvent, limits: Limits): Step {
  switch (happening.type) {
    case 'wanted':
      return { state, effects: [{ type: 'serve' }] }
    case 'exited': {
      const reason = happening.isOutOfMemory ? 'oom' : 'crash'
      return settle(strike(state.strikes, happening.at, limits), reason, limits)
    }
    case 'stop':
      return leave(state.strikes, happening, limits)
    default:
      return stay(state)
  }
}

function whileDraining(state: Draining, happening: LifecycleEvent, limits: Limits): Step {
  switch (happening.type) {
    case 'exited':
      return state.isFailure
        ? settle(state.strikes, state.reason, limits)
        : {
            state: { phase: 'cold', strikes: state.strikes },
            effects: [{ type: 'disarm' }, { type: 'end', reason: state.reason }]
          }
    case 'timeUp':
      return climb(state, state.rung === 'asked' ? 'terminated' : 'killed', limits)
    case 'stop':
      return happening.mode === 'now' && state.rung !== 'killed'
        ? climb(state, 'killed', limits)
        : stay(state)
    default:
      return stay(state)
  }
}

function whileResting(state: Resting, happening: LifecycleEvent): Step {
  switch (happening.type) {
    case 'timeUp':
      return { state: { phase: 'cold', strikes: state.strikes }, effects: [] }
    case 'stop':
      return { state: COLD, effects: [{ type: 'disarm' }, refuseStopping] }
    default:
      return stay(state)
  }
}

function whileBroken(state: Broken, happening: LifecycleEvent): Step {
  switch (happening.type) {
    case 'wanted':
      return { state, effects: [{ type: 'refuse', code: 'ERR_WORKER_BROKEN' }] }
    case 'timeUp':
      return { state: COLD, effects: [] }
    case 'stop': // an operator has looked
      return { state: COLD, effects: [{ type: 'disarm' }] }
    default:
      return stay(state)
  }
}

const refuseStopping: Effect = { type: 'refuse', code: 'ERR_WORKER_STOPPING' }

const stay = (state: Lifecycle): Step => ({ state, effects: [] })

const FAULTS: readonly EndReason[] = ['crash', 'hung', 'oom', 'spawn_failed']

/** Begins the end of a process. Only a fault that cannot wait for the calls in flight is a failure. */
function leave(
  strikes: Strikes,
  stop: { readonly reason: EndReason; readonly mode: StopMode; readonly at: number },
  limits: Limits
): Step {
  const isFailure = stop.mode === 'now' && FAULTS.includes(stop.reason)
  return climb(
    {
      phase: 'draining',
      strikes: isFailure ? strike(strikes, stop.at, limits) : strikes,
      reason: stop.reason,
      rung: 'asked',
      isFailure
    },
    stop.mode === 'now' ? 'killed' : 'asked',
    limits
  )
}

function climb(state: Draining, rung: Rung, limits: Limits): Step {
  const next: Lifecycle = { ...state, rung }
  switch (rung) {
    case 'asked':
      return {
        state: next,
        effects: [{ type: 'ask-to-drain' }, { type: 'arm', ms: limits.drainMs }]
      }
    case 'terminated':
      return { state: next, effects: [kill('SIGTERM'), { type: 'arm', ms: limits.killMs }] }
    case 'killed':
      return { state: next, effects: [kill('SIGKILL'), { type: 'arm', ms: limits.killMs }] }
  }
}

const kill = (signal: 'SIGTERM' | 'SIGKILL'): Effect => ({ type: 'kill', signal })

const strike = (strikes: Strikes, at: number, limits: Limits): Strikes => ({
  count: fade(strikes, at, limits.halfLifeMs) + 1,
  at
})

/** Where a failed worker goes: back at once, to rest, or out of service. */
function settle(strikes: Strikes, reason: EndReason, limits: Limits): Step {
  const end: Effect = { type: 'end', reason }
  // Rounded, because a moment's fading between two failures must not hide one of them.
  const failures = Math.round(strikes.count)
  if (failures >= limits.maxFailures) {
    return {
      state: { phase: 'broken', strikes },
      effects: [
        end,
        { type: 'refuse', code: 'ERR_WORKER_BROKEN' },
        { type: 'arm', ms: limits.brokenMs }
      ]
    }
  }
  const ms = limits.restMs(failures)
  return ms > 0
    ? { state: { phase: 'resting', strikes }, effects: [end, { type: 'arm', ms }] }
    : { state: { phase: 'cold', strikes }, effects: [{ type: 'disarm' }, end] }
}
