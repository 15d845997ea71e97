import type { Clock } from '#shared/clock.ts'
import { type ErrorCode, GatewayError } from '#shared/errors.ts'
import type { UserId } from '#shared/ids.ts'
import type { Launched } from '../launcher/launcher.ts'
import type { Permit } from './admission.ts'
import { AssignedWorker, type Assignment } from './assigned-worker.ts'
import {
  COLD,
  type Effect,
  type EndReason,
  fade,
  type Lifecycle,
  type LifecycleEvent,
  type Limits,
  type Phase,
  type StopMode,
  step
} from './lifecycle.ts'
import type { RunningWorker, WorkerEvents, WorkerLease } from './supervisor.ts'
import { Waiters } from './waiters.ts'

export interface UserWorkerParts {
  readonly limits: Limits
  readonly clock: Clock
  readonly events: WorkerEvents
  readonly assignment: (userId: UserId) => Promise<Assignment>
  readonly enter: (signal: AbortSignal) => Promise<Permit>
  /** Throws ERR_WORKER_CAPACITY. */
  readonly launch: () => { readonly launched: Launched; readonly path: 'cold' | 'warm' }
  /** A lease was given back, so a worker may have become idle. */
  readonly onRelease: () => void
  /** For how many ms from now the worker may serve; Infinity for as long as its gateway lives. */
  readonly leftMs: () => number
}

/** What a start needs before a process is launched. */
interface Entry {
  readonly assignment: Assignment
  readonly place: Permit
}

/** One user's worker, from life to life. `#tell` is the only writer of its state. */
export class UserWorker {
  readonly userId: UserId
  readonly #parts: UserWorkerParts
  readonly #waiters = new Waiters<WorkerLease>()
  #state: Lifecycle = COLD
  #disarm = (): void => {}
  /** The way from `wanted` to `placed`; aborted when nobody wants the worker any more. */
  #entering: AbortController | undefined
  #entry: Entry | undefined
  #life: AssignedWorker | undefined

  constructor(userId: UserId, parts: UserWorkerParts) {
    this.userId = userId
    this.#parts = parts
  }

  get phase(): Phase {
    return this.#state.phase
  }

  /** The process, from its launch until it is gone. */
  get life(): AssignedWorker | undefined {
    return this.#life
  }

  /** The worker, when it is ready to serve. */
  get worker(): RunningWorker | undefined {
    return this.phase === 'ready' ? this.#life?.worker : undefined
  }

  /** Nothing would be forgotten if this slot did not exist. */
  get isBlank(): boolean {
    const { phase, strikes } = this.#state
    const left = fade(strikes, this.#parts.clock.monotonic(), this.#parts.limits.halfLifeMs)
    return phase === 'cold' && this.#waiters.size === 0 && !this.#entering && left < 0.5
  }

  /** As `Supervisor.expects`. */
  get isExpected(): boolean {
    const isThere = this.phase === 'ready' || this.phase === 'starting'
    return isThere || this.#entering !== undefined || this.#waiters.size > 0
  }

  /** As `Supervisor.acquire`. */
  async acquire(signal?: AbortSignal): Promise<WorkerLease> {
    signal?.throwIfAborted()
    const lease = this.#waiters.wait(signal, () => this.#leave())
    this.#tell({ type: 'wanted', at: this.#parts.clock.monotonic() })
    return lease
  }

  /** As `Supervisor.stop`. */
  async stop(reason: EndReason, mode: StopMode): Promise<void> {
    const life = this.#life
    if (this.#entering) this.refuse(refusal('ERR_WORKER_STOPPING', this.#parts.limits))
    this.#tell({ type: 'stop', reason, mode, at: this.#parts.clock.monotonic() })
    await life?.worker.gone
  }

  /** Ends this process; does nothing when it is gone, so that a later one is not hit. */
  async stopLife(life: AssignedWorker, reason: EndReason, mode: StopMode): Promise<void> {
    if (this.#life === life) await this.stop(reason, mode)
  }

  /** Rejects everybody who waits. */
  refuse(error: GatewayError): void {
    this.#waiters.refuse(error)
    this.#leave()
  }

  /** Nothing is started for nobody. */
  #leave(): void {
    if (this.#waiters.size === 0) this.#entering?.abort()
  }

  #tell(happening: LifecycleEvent): void {
    const from = this.phase
    const { state, effects } = step(this.#state, happening, this.#parts.limits)
    this.#state = state
    for (const effect of effects) this.#perform(effect)
    if (state.phase !== from) this.#parts.events.onPhase?.(this.userId, from, state.phase)
    if (state.phase === 'cold' && from !== 'cold') this.#askAgain()
  }

  /** Somebody may have come while the last worker was on its way out. */
  #askAgain(): void {
    if (this.#waiters.size > 0) this.#tell({ type: 'wanted', at: this.#parts.clock.monotonic() })
  }

  #perform(effect: Effect): void {
    switch (effect.type) {
      case 'enqueue':
        if (!this.#entering) void this.#enter() // tells those who wait when it fails
        break
      case 'launch':
        this.#launch()
        break
      case 'serve':
        this.#serve()
        break
      case 'refuse':
        this.#waiters.refuse(refusal(effect.code, this.#parts.limits))
        break
      case 'ask-to-drain':
        this.#life?.drain()
        break
      case 'kill':
        this.#life?.kill(effect.signal)
        break
      case 'end':
        this.#end(effect.reason)
        break
      case 'arm':
        this.#arm(effect.ms)
        break
      case 'disarm':
        this.#disarm()
        break
    }
  }

  #arm(ms: number): void {
    const { clock } = this.#parts
    this.#disarm()
    this.#disarm = clock.after(ms, () => this.#tell({ type: 'timeUp', at: clock.monotonic() }))
  }

  async #enter(): Promise<void> {
    const entering = new AbortController()
    const { signal } = entering
    this.#entering = entering
    try {
      this.#entry = await this.#prepare(signal)
    } catch (error) {
      if (!signal.aborted) this.#waiters.refuse(error)
    }
    this.#entering = undefined
    if (this.#entry) this.#tell({ type: 'placed', at: this.#parts.clock.monotonic() })
    else this.#askAgain()
  }

  async #prepare(signal: AbortSignal): Promise<Entry> {
    const { clock, events } = this.#parts
    const assignment = await this.#parts.assignment(this.userId)
    const since = clock.monotonic()
    const place = await this.#parts.enter(signal)
    events.onQueued?.((clock.monotonic() - since) / 1000)
    if (signal.aborted) place.release()
    signal.throwIfAborted()
    return { assignment, place }
  }

  #launch(): void {
    const { clock, events, onRelease, leftMs } = this.#parts
    const entry = this.#entry
    if (!entry) return
    this.#entry = undefined
    const process = this.#tryLaunch(entry)
    if (!process) return
    const life = new AssignedWorker({
      ...process,
      ...entry,
      userId: this.userId,
      clock,
      onMessage: (worker, message) => events.onMessage?.(worker, message),
      onRelease,
      leftMs
    })
    this.#life = life
    void this.#begin(life)
    void life.processGone().then(({ isOutOfMemory }) => {
      this.#tell({ type: 'exited', isOutOfMemory, at: clock.monotonic() })
    })
  }

  #tryLaunch(entry: Entry): ReturnType<UserWorkerParts['launch']> | undefined {
    try {
      return this.#parts.launch()
    } catch {
      entry.place.release()
      queueMicrotask(() => this.#tell({ type: 'noRoom', at: this.#parts.clock.monotonic() }))
      return undefined
    }
  }

  async #begin(life: AssignedWorker): Promise<void> {
    try {
      await life.start()
    } catch {
      life.kill('SIGKILL') // it is of no use; its end is told when it is gone
      return
    }
    if (this.phase !== 'starting') return
    this.#reportStart(life, 'ok')
    this.#parts.events.onAssigned?.(life.worker)
    this.#tell({ type: 'started', at: this.#parts.clock.monotonic() })
  }

  #serve(): void {
    const life = this.#life
    if (life) this.#waiters.serve(() => life.lease())
  }

  #end(reason: EndReason): void {
    const life = this.#life
    this.#life = undefined
    if (!life) return
    if (!life.isReady) this.#reportStart(life, 'failed')
    life.end(reason, (end) => this.#parts.events.onExit?.(end))
  }

  #reportStart(life: AssignedWorker, result: 'ok' | 'failed'): void {
    const { clock, events } = this.#parts
    events.onSpawn?.(life.path, result, (clock.monotonic() - life.claimedAt) / 1000)
    if (result === 'failed') events.onStartFailure?.(this.userId, life.diagnose())
  }
}

const REFUSALS: Partial<Record<ErrorCode, string>> = {
  ERR_WORKER_CAPACITY: 'This machine has no room for another worker now; try again.',
  ERR_WORKER_BROKEN: 'The worker of this account failed too often; try again later.',
  ERR_WORKER_START: 'The worker did not become ready in time; try again.',
  ERR_WORKER_STOPPING: 'The worker of this account was being stopped; try again.'
}

function refusal(code: ErrorCode, limits: Limits): GatewayError {
  const retryAfter = code === 'ERR_WORKER_BROKEN' ? Math.ceil(limits.brokenMs / 1000) : 1
  return new GatewayError(code, REFUSALS[code] ?? 'No worker is available.', { retryAfter })
}
