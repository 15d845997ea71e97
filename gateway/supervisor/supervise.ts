import type { Clock } from '#shared/clock.ts'
import { GatewayError } from '#shared/errors.ts'
import type { UserId } from '#shared/ids.ts'
import { Admission, type AdmissionLimits } from './admission.ts'
import type { Launched, Launcher } from './launcher.ts'
import type { Assignment } from './life.ts'
import type { EndReason, Limits, StopMode } from './lifecycle.ts'
import { Slot } from './slot.ts'
import type {
  Census,
  RunningWorker,
  Supervisor,
  WorkerEvents,
  WorkerLease,
  WorkerSnapshot
} from './supervisor.ts'

export interface SupervisorParts {
  readonly launcher: Launcher
  readonly clock: Clock
  readonly settings: SupervisorSettings
  /** Whose worker it will be. Asked before each start; what it rejects with reaches the caller. */
  readonly assignment: (userId: UserId) => Promise<Assignment>
  readonly events?: WorkerEvents
  /** From 0 up to 1, not including 1. */
  readonly random?: () => number
}

export interface SupervisorSettings {
  readonly lifecycle: Limits
  readonly admission: AdmissionLimits
}

/** Supervises the workers that `launcher` starts on this machine. */
export function supervise(parts: SupervisorParts): Supervisor {
  return new Supervision(parts)
}

interface Drain {
  readonly done: Promise<void>
}

class Supervision implements Supervisor {
  readonly #parts: SupervisorParts
  readonly #slots = new Map<UserId, Slot>()
  readonly #admission: Admission
  #drain: Drain | undefined

  constructor(parts: SupervisorParts) {
    this.#parts = parts
    this.#admission = new Admission({
      limits: parts.settings.admission,
      clock: parts.clock,
      random: parts.random ?? Math.random,
      makeRoom: (places) => this.#makeRoom(places)
    })
  }

  async acquire(userId: UserId, signal?: AbortSignal): Promise<WorkerLease> {
    if (this.#drain) throw draining()
    return this.#slot(userId).acquire(signal)
  }

  peek(userId: UserId): RunningWorker | undefined {
    return this.#slots.get(userId)?.worker
  }

  async stop(userId: UserId, reason: EndReason, mode: StopMode): Promise<void> {
    await this.#slots.get(userId)?.stop(reason, mode)
  }

  list(): WorkerSnapshot[] {
    return [...this.#slots.values()].flatMap((slot) => slot.life?.snapshot(slot.phase) ?? [])
  }

  census(): Census {
    const workers = { warm: 0, starting: 0, ready: 0, draining: 0, resting: 0, broken: 0 }
    for (const { phase } of this.#slots.values()) if (phase !== 'cold') workers[phase] += 1
    return {
      workers,
      limit: this.#parts.settings.admission.places,
      queued: this.#admission.occupancy.waiting
    }
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
    const slots = [...this.#slots.values()]
    for (const slot of slots) slot.refuse(draining())
    await Promise.all(slots.map((slot) => slot.stop('drain', 'drain')))
  }

  #slot(userId: UserId): Slot {
    const known = this.#slots.get(userId)
    if (known) return known
    const { clock, settings, assignment, events = {} } = this.#parts
    const slot = new Slot(userId, {
      limits: settings.lifecycle,
      clock,
      assignment,
      events,
      enter: (signal) => this.#admission.enter(signal),
      launch: () => this.#launch(),
      onRelease: () => this.#admission.askForRoom()
    })
    this.#slots.set(userId, slot)
    return slot
  }

  #launch(): { launched: Launched; path: 'cold' | 'warm' } {
    return { launched: this.#parts.launcher.launch(), path: 'cold' }
  }

  /** Hibernates the workers that were used longest ago, as far as they are idle. */
  #makeRoom(places: number): void {
    const slots = [...this.#slots.values()]
    const leaving = slots.filter(({ phase }) => phase === 'draining').length
    const idle = slots
      .filter((slot) => slot.phase === 'ready' && slot.life?.inFlight === 0)
      .sort((a, b) => (a.life?.lastUsedAt ?? 0) - (b.life?.lastUsedAt ?? 0))
    for (const slot of idle.slice(0, Math.max(0, places - leaving))) {
      void slot.stop('idle', 'drain') // the place comes back when the process is gone
    }
  }
}

const draining = (): GatewayError =>
  new GatewayError('ERR_DRAINING', 'This gateway is about to stop; try again.', { retryAfter: 1 })
