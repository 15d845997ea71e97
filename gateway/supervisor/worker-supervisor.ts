import type { Clock } from '#shared/clock.ts'
import { GatewayError } from '#shared/errors.ts'
import { isAnonymous, type UserId, type WorkerId } from '#shared/ids.ts'
import type { Launched, Launcher } from '../launcher/launcher.ts'
import type { MainThread } from '../launcher/process-timeout.ts'
import type { ProcessUse } from '../launcher/procfs.ts'
import { Admission, type AdmissionLimits, type Permit } from './admission.ts'
import type { AssignedWorker, Assignment } from './assigned-worker.ts'
import { type IdleLimits, leastRecentlyUsed, type Usage, whyHibernate } from './idle-policy.ts'
import type { EndReason, Limits, StopMode } from './lifecycle.ts'
import type {
  Census,
  RunningWorker,
  Supervisor,
  WorkerEvents,
  WorkerLease,
  WorkerSnapshot
} from './supervisor.ts'
import { UserWorker } from './user-worker.ts'
import { WarmPool } from './warm-pool.ts'
import { type Stop, Watchdog, type WatchdogLimits } from './watchdog.ts'

export interface SupervisorParts {
  readonly launcher: Launcher
  readonly clock: Clock
  readonly settings: SupervisorSettings
  /** Whose worker it will be. Asked before each start; what it rejects with reaches the caller. */
  readonly assignment: (userId: UserId) => Promise<Assignment>
  /**
   * The right to run this user's worker, taken before each start and given back when the process is gone.
   * What it rejects with reaches the caller.
   */
  readonly hold: (userId: UserId, signal: AbortSignal) => Promise<{ release(): void }>
  /** For how many ms from now that right lasts unless it is renewed. For ever, if absent. */
  readonly leftMs?: (userId: UserId) => number
  readonly events?: WorkerEvents
  /** From 0 up to 1, not including 1. */
  readonly random: () => number
  /** What a process uses; undefined when that cannot be known. */
  readonly processUse: (pid: number) => Promise<ProcessUse | undefined>
  /** What the main thread of a process does; undefined when that cannot be known. */
  readonly mainThread: (pid: number) => MainThread | undefined
}

export interface SupervisorSettings {
  readonly lifecycle: Limits
  readonly admission: AdmissionLimits
  readonly idle: IdleLimits
  readonly watchdog: WatchdogLimits
  readonly warmWorkers: number
  /** Time between two looks at every worker. */
  readonly roundMs: number
}

/** Supervises the workers that `launcher` starts on this machine. */
export function createSupervisor(parts: SupervisorParts): Supervisor {
  return new Supervision(parts)
}

interface Drain {
  readonly done: Promise<void>
}

class Supervision implements Supervisor {
  readonly #parts: SupervisorParts
  readonly #slots = new Map<UserId, UserWorker>()
  readonly #admission: Admission
  readonly #warmPool: WarmPool
  readonly #watchdog: Watchdog
  #cancelRound = (): void => {}
  #cancelBusyRound = (): void => {}
  #drain: Drain | undefined

  constructor(parts: SupervisorParts) {
    const { clock, launcher, settings } = parts
    this.#parts = parts
    this.#admission = new Admission({
      limits: settings.admission,
      clock,
      random: parts.random,
      makeRoom: (places) => this.#makeRoom(places)
    })
    this.#warmPool = new WarmPool({
      size: settings.warmWorkers,
      startMs: settings.lifecycle.startMs,
      clock,
      launch: () => launcher.launch(),
      maySpare: () => this.#maySpare()
    })
    this.#watchdog = new Watchdog({ ...parts, limits: settings.watchdog })
    this.#goRound()
    this.#goBusyRound()
  }

  async acquire(userId: UserId, signal?: AbortSignal): Promise<WorkerLease> {
    if (this.#drain) throw draining()
    const slot = this.#slot(userId)
    // A gateway that was stopped and goes on meets callers before its timers.
    if (slot.worker && this.#leftMs(userId) <= 0) void slot.stop('lease_lost', 'now') // never rejects
    return slot.acquire(signal)
  }

  #leftMs(userId: UserId): number {
    return this.#parts.leftMs?.(userId) ?? Number.POSITIVE_INFINITY
  }

  peek(userId: UserId): RunningWorker | undefined {
    return this.#slots.get(userId)?.worker
  }

  expects(userId: UserId): boolean {
    return this.#slots.get(userId)?.isExpected ?? false
  }

  async stop(userId: UserId, reason: EndReason, mode: StopMode): Promise<void> {
    await this.#slots.get(userId)?.stop(reason, mode)
  }

  async stopWorker(id: WorkerId, reason: EndReason, mode: StopMode): Promise<boolean> {
    for (const slot of this.#slots.values()) {
      if (slot.life?.worker.id !== id) continue
      await slot.stopLife(slot.life, reason, mode)
      return true
    }
    const warm = this.#warmPool.workers.find((launched) => launched.id === id)
    warm?.kill('SIGKILL')
    await warm?.gone
    return warm !== undefined
  }

  list(): WorkerSnapshot[] {
    return [
      ...[...this.#slots.values()].flatMap((slot) => slot.life?.snapshot(slot.phase) ?? []),
      ...this.#warmPool.workers.map(warmSnapshot)
    ]
  }

  census(): Census {
    const warm = this.#warmPool.workers.length
    const workers = { warm, starting: 0, ready: 0, draining: 0, resting: 0, broken: 0 }
    for (const { phase } of this.#slots.values()) if (phase !== 'cold') workers[phase] += 1
    const queued = this.#admission.occupancy.waiting
    return { workers, limit: this.#parts.settings.admission.places, queued }
  }

  async probe(): Promise<void> {
    const { clock, launcher, settings } = this.#parts
    const launched = launcher.launch()
    const cancel = clock.after(settings.lifecycle.startMs, () => launched.kill('SIGKILL'))
    try {
      await launched.ready
      await launched.channel.ask({ type: 'ping' }, settings.lifecycle.startMs)
    } catch (cause) {
      throw new GatewayError('ERR_WORKER_START', 'A worker cannot be started.', { cause })
    } finally {
      cancel()
      launched.kill('SIGKILL')
      await launched.gone
    }
  }

  drain(): Promise<void> {
    this.#drain ??= { done: this.#stopAll() }
    return this.#drain.done
  }

  async close(): Promise<void> {
    await this.drain()
    await this.#parts.launcher.close()
  }

  async #stopAll(): Promise<void> {
    this.#cancelRound()
    this.#cancelBusyRound()
    const slots = [...this.#slots.values()]
    for (const slot of slots) slot.refuse(draining())
    await Promise.all([this.#warmPool.close(), ...slots.map((slot) => slot.stop('drain', 'drain'))])
  }

  #slot(userId: UserId): UserWorker {
    const known = this.#slots.get(userId)
    if (known) return known
    const { clock, settings, assignment, events = {} } = this.#parts
    const slot = new UserWorker(userId, {
      limits: settings.lifecycle,
      clock,
      assignment,
      events,
      enter: (signal) => this.#enter(userId, signal),
      launch: () => this.#launch(),
      onRelease: () => this.#admission.askForRoom(),
      leftMs: () => this.#leftMs(userId)
    })
    this.#slots.set(userId, slot)
    return slot
  }

  /** The user's lease and a place on this machine, as one: a worker needs both, from before its start. */
  async #enter(userId: UserId, signal: AbortSignal): Promise<Permit> {
    const lease = await this.#parts.hold(userId, signal)
    try {
      const place = await this.#admission.enter(signal)
      const release = (): void => {
        place.release()
        lease.release()
      }
      return { started: () => place.started(), release }
    } catch (error) {
      lease.release()
      throw error
    }
  }

  #launch(): { launched: Launched; path: 'cold' | 'warm' } {
    const claimed = this.#warmPool.claim()
    if (claimed) return { launched: claimed, path: 'warm' }
    return { launched: this.#parts.launcher.launch(), path: 'cold' }
  }

  /** The first round comes at once, for the warm pool; the others at an interval. */
  #goRound(): void {
    const { clock, settings } = this.#parts
    const now = clock.monotonic()
    for (const slot of this.#slots.values()) this.#lookAt(slot, now)
    this.#warmPool.fill()
    this.#cancelRound = clock.after(settings.roundMs, () => this.#goRound())
  }

  #goBusyRound(): void {
    const { clock, settings } = this.#parts
    for (const slot of this.#slots.values()) {
      const { life, phase } = slot
      if (life && phase === 'ready') void this.#watchdog.checkBusy(life, stopOf(slot, life)) // told by events
    }
    this.#cancelBusyRound = clock.after(settings.watchdog.busyMs, () => this.#goBusyRound())
  }

  #lookAt(slot: UserWorker, now: number): void {
    if (slot.isBlank) this.#slots.delete(slot.userId)
    const { life, phase } = slot
    if (!life || phase !== 'ready') return
    life.tellLasts()
    const reason = whyHibernate(life, now, idleLimitsOf(slot.userId, this.#parts.settings.idle))
    // Neither is awaited: an end is told by events, and a round does not wait for one worker.
    if (reason) void slot.stop(reason, 'drain')
    else void this.#watchdog.check(life, stopOf(slot, life))
  }

  /** A start ahead of need must not take a place or the processor from one that is needed now. */
  #maySpare(): boolean {
    const { admission } = this.#parts.settings
    const { held, starting, waiting } = this.#admission.occupancy
    const isRoom = held + this.#warmPool.workers.length < admission.places
    return !this.#drain && isRoom && waiting === 0 && starting < admission.starts
  }

  /** Hibernates the workers that were used longest ago, as far as they are idle. */
  #makeRoom(places: number): void {
    const slots = [...this.#slots.values()]
    const leaving = slots.filter(({ phase }) => phase === 'draining').length
    const ready = slots.flatMap(({ life, phase, userId }) =>
      life && phase === 'ready' ? { ...usageOf(life), userId } : []
    )
    for (const { userId } of leastRecentlyUsed(ready).slice(0, Math.max(0, places - leaving))) {
      void this.stop(userId, 'evicted', 'drain') // the place comes back when the process is gone
    }
  }
}

/** Nobody's worker keeps a place from people, so it may not wait long. */
const NOBODYS_IDLE_MS = 60_000

const idleLimitsOf = (userId: UserId, limits: IdleLimits): IdleLimits =>
  isAnonymous(userId) ? { ...limits, idleMs: Math.min(limits.idleMs, NOBODYS_IDLE_MS) } : limits

const stopOf =
  (slot: UserWorker, life: AssignedWorker): Stop =>
  (why, mode) =>
    void slot.stopLife(life, why, mode)

const usageOf = ({ inFlight, lastUsedAt, launchedSince }: Usage): Usage => ({
  inFlight,
  lastUsedAt,
  launchedSince
})

const warmSnapshot = ({ id, pid, launchedAt }: Launched): WorkerSnapshot => ({
  id,
  pid: pid ?? null,
  userId: null,
  phase: 'warm',
  inFlight: 0,
  rssBytes: null,
  cpuSeconds: null,
  eventLoopLagSeconds: null,
  startedAt: launchedAt,
  lastCallAt: null,
  requests: 0,
  version: null
})

const draining = (): GatewayError =>
  new GatewayError('ERR_DRAINING', 'This gateway is about to stop; try again.', { retryAfter: 1 })
