import { type Clock, machineMonotonic } from '#shared/clock.ts'
import type { UserId } from '#shared/ids.ts'
import type { ToolPolicy } from '#shared/tool-policy.ts'
import type { FromWorker } from '#shared/worker-protocol.ts'
import type { Launched, ProcessEnd } from '../launcher/launcher.ts'
import type { WorkerChannel } from '../launcher/worker-channel.ts'
import type { Permit } from './admission.ts'
import type { EndReason, Phase } from './lifecycle.ts'
import type { RunningWorker, WorkerEnd, WorkerLease, WorkerSnapshot } from './supervisor.ts'

/** How long a worker may go on with something after its last caller has left, such as a tool whose client is gone. */
const AWAKE_MS = 5 * 60_000
/** A worker that is wanted is told again until when it may serve, unless it was a moment ago. */
const TOLD_MS = 2000

/** What a worker is told about its account. */
export interface Assignment {
  readonly email: string
  readonly googleScopes: readonly string[]
  /** What tools may do; everything, if absent. */
  readonly policy?: ToolPolicy | undefined
  /** Whether the tools that sign in are offered as well, or nothing else. */
  readonly signIn?: 'offered' | 'only' | undefined
}

/** How a process is doing, as seen from outside. */
export interface Vitals {
  readonly rssBytes: number | null
  readonly cpuSeconds: number | null
  readonly eventLoopLagSeconds: number | null
}

export interface AssignedWorkerParts {
  readonly userId: UserId
  readonly launched: Launched
  /** Whether the process waited in the warm pool before. */
  readonly path: 'cold' | 'warm'
  readonly assignment: Assignment
  readonly place: Permit
  readonly clock: Clock
  readonly onMessage: (worker: RunningWorker, message: FromWorker) => void
  /** A lease was given back. */
  readonly onRelease: () => void
  /** For how many ms from now it may serve; Infinity for as long as its gateway lives. */
  readonly leftMs: () => number
}

/** One process in the service of one user, from its claim to its end. */
export class AssignedWorker {
  readonly worker: RunningWorker
  readonly path: 'cold' | 'warm'
  /** As `Clock.monotonic`, like `lastUsedAt` and `launchedSince`. */
  readonly claimedAt: number
  /** When the process was launched. */
  readonly launchedSince: number
  readonly #parts: AssignedWorkerParts
  readonly #gone = Promise.withResolvers<WorkerEnd>()
  #vitals: Vitals = { rssBytes: null, cpuSeconds: null, eventLoopLagSeconds: null }
  #version: string | null = null
  #isReady = false
  #isToDrain = false
  #inFlight = 0
  #requests = 0
  #lastCallAt: number | null = null
  #lastUsedAt: number
  /** When it was told last until when it may serve. */
  #toldAt = Number.NEGATIVE_INFINITY
  #processEnd: ProcessEnd = { code: null, signal: null, isOutOfMemory: false }

  constructor(parts: AssignedWorkerParts) {
    const { launched, userId } = parts
    this.#parts = parts
    this.path = parts.path
    this.claimedAt = parts.clock.monotonic()
    this.#lastUsedAt = this.claimedAt
    this.launchedSince = this.claimedAt - Math.max(0, parts.clock.now() - launched.launchedAt)
    this.worker = {
      id: launched.id,
      userId,
      connect: () => launched.connect(),
      channel: launched.channel,
      gone: this.#gone.promise
    }
  }

  get pid(): number | undefined {
    return this.#parts.launched.pid
  }

  get channel(): WorkerChannel {
    return this.worker.channel
  }

  get isReady(): boolean {
    return this.#isReady
  }

  get inFlight(): number {
    return this.#inFlight
  }

  /** When its user needed it last. */
  get lastUsedAt(): number {
    return this.#lastUsedAt
  }

  /** Gives the worker its identity. Resolves when it serves; rejects with ERR_WORKER_START or ERR_WORKER_GONE. */
  async start(): Promise<void> {
    const { launched, assignment, place, onMessage } = this.#parts
    this.#version = (await launched.ready).version
    launched.passWhile(() => this.#parts.leftMs() > 0)
    // Before `assign`: the worker may ask for a token in the same breath in which it confirms.
    launched.channel.on((message) => onMessage(this.worker, message))
    const assigned = launched.channel.next('assigned')
    this.#toldAt = this.#parts.clock.monotonic()
    launched.channel.send({
      type: 'assign',
      email: assignment.email,
      googleScopes: [...assignment.googleScopes],
      ...(assignment.policy && { policy: assignment.policy }),
      ...(assignment.signIn && { signIn: assignment.signIn }),
      ...this.#lasts()
    })
    await assigned
    this.#isReady = true
    place.started()
  }

  /** Tells it until when it may serve, where that has an end. One that sleeps is let sleep, until it is wanted. */
  tellLasts(): void {
    const idleMs = this.#parts.clock.monotonic() - this.#lastUsedAt
    if (this.#inFlight > 0 || idleMs < AWAKE_MS) this.#tellLasts()
  }

  #tellLasts(): void {
    const { until } = this.#lasts()
    if (until === undefined) return
    this.#toldAt = this.#parts.clock.monotonic()
    this.channel.send({ type: 'lasts', until })
  }

  #lasts(): { until?: number } {
    const ms = this.#parts.leftMs()
    return Number.isFinite(ms) ? { until: machineMonotonic() + ms } : {}
  }

  lease(): WorkerLease {
    this.#inFlight += 1
    this.#requests += 1
    if (this.#parts.clock.monotonic() - this.#toldAt >= TOLD_MS) this.#tellLasts() // before what it is wanted for
    this.#used()
    let isHeld = true
    return {
      worker: this.worker,
      release: () => {
        if (!isHeld) return
        isHeld = false
        this.#inFlight -= 1
        this.#used()
        this.#drainWhenQuiet()
        this.#parts.onRelease()
      }
    }
  }

  #used(): void {
    const { clock } = this.#parts
    this.#lastCallAt = clock.now()
    this.#lastUsedAt = clock.monotonic()
  }

  /** Asks the worker to end once no lease is held: a call with a lease may still be on its way to it. */
  drain(): void {
    this.#isToDrain = true
    this.#drainWhenQuiet()
  }

  #drainWhenQuiet(): void {
    if (!this.#isToDrain || this.#inFlight > 0) return
    this.#isToDrain = false
    this.channel.send({ type: 'drain' })
  }

  kill(signal: 'SIGTERM' | 'SIGKILL'): void {
    this.#parts.launched.kill(signal)
  }

  /** What the worker said on stderr. */
  diagnose(): string {
    return this.#parts.launched.diagnose()
  }

  /** Resolves when the process is gone. Never rejects. */
  async processGone(): Promise<ProcessEnd> {
    this.#processEnd = await this.#parts.launched.gone
    return this.#processEnd
  }

  observe(vitals: Partial<Vitals>): void {
    this.#vitals = { ...this.#vitals, ...vitals }
  }

  /** Closes the books: gives the place back, tells `report`, settles `worker.gone`. Called once. */
  end(reason: EndReason, report: (end: WorkerEnd) => void): void {
    const { code, signal, offence } = this.#processEnd
    const lifetimeSeconds = (this.#parts.clock.monotonic() - this.launchedSince) / 1000
    const { id: workerId, userId } = this.worker
    const cpuSeconds = this.#vitals.cpuSeconds ?? 0
    const end = { workerId, userId, reason, code, signal, offence, lifetimeSeconds, cpuSeconds }
    this.#parts.place.release()
    report(end)
    this.#gone.resolve(end)
  }

  snapshot(phase: Phase): WorkerSnapshot {
    return {
      id: this.worker.id,
      pid: this.#parts.launched.pid ?? null,
      userId: this.worker.userId,
      phase,
      inFlight: this.#inFlight,
      ...this.#vitals,
      startedAt: this.#parts.launched.launchedAt,
      lastCallAt: this.#lastCallAt,
      requests: this.#requests,
      version: this.#version
    }
  }
}
