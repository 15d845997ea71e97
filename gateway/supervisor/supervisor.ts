import type { Duplex } from 'node:stream'
import type { UserId, WorkerId } from '#shared/ids.ts'
import type { FromWorker } from '#shared/worker-protocol.ts'
import type { WorkerChannel } from '../launcher/worker-channel.ts'
import type { EndReason, Phase, StopMode } from './lifecycle.ts'

/** Keeps at most one worker for each user, started when needed and ended when not. */
export interface Supervisor {
  /**
   * A running worker for this user, started if need be; callers that come together share one start. Counts
   * as a call in flight until released. Rejects with ERR_WORKER_START, ERR_WORKER_BROKEN,
   * ERR_WORKER_CAPACITY, ERR_WORKER_STOPPING, ERR_QUEUE_FULL or ERR_DRAINING, with what `assignment`
   * rejected with, or with the reason of `signal`.
   */
  acquire(userId: UserId, signal?: AbortSignal): Promise<WorkerLease>
  /** The user's worker if it is ready now. Starts nothing and is no call. */
  peek(userId: UserId): RunningWorker | undefined
  /** Whether the user's worker is ready, starts or waits for its start. */
  expects(userId: UserId): boolean
  /** Ends the user's worker. Resolves when the process is gone, at once when there is none. */
  stop(userId: UserId, reason: EndReason, mode: StopMode): Promise<void>
  /** Ends one process, warm ones included; as `stop`, but never hits a later one. False when it is unknown. */
  stopWorker(id: WorkerId, reason: EndReason, mode: StopMode): Promise<boolean>
  /** Every process there is, the warm ones included. */
  list(): WorkerSnapshot[]
  /** Numbers for the gauges. */
  census(): Census
  /**
   * Starts a worker that nobody is waiting for, hears it answer and ends it: proof that workers can be
   * started. Has its own place beyond the limit. Rejects with ERR_WORKER_START.
   */
  probe(): Promise<void>
  /** Refuses new calls from now on and ends every worker after its calls. Resolves when all are gone. */
  drain(): Promise<void>
  /** `drain`, and everything else the supervisor holds. May be called more than once. */
  close(): Promise<void>
}

export interface Census {
  /** Users by the phase of their worker, and workers without a user. Who is cold is not counted. */
  readonly workers: Readonly<Record<Exclude<Phase, 'cold'> | 'warm', number>>
  /** The most workers at once. */
  readonly limit: number
  /** Users whose worker waits for a place. */
  readonly queued: number
}

/** Holds a worker for one call: while a lease is held, the worker is neither idle nor evicted. */
export interface WorkerLease {
  readonly worker: RunningWorker
  /** Ends the hold. May be called more than once. */
  release(): void
}

/** A worker that serves this user, and nobody else in its life. */
export interface RunningWorker {
  readonly id: WorkerId
  readonly userId: UserId
  /** A new connection to it, for HTTP/1.1; destroyed when the process is gone. */
  connect(): Duplex
  readonly channel: WorkerChannel
  /** Settles once, always, when the process is gone. Never rejects. */
  readonly gone: Promise<WorkerEnd>
}

export interface WorkerEnd {
  readonly workerId: WorkerId
  readonly userId: UserId
  readonly reason: EndReason
  readonly code: number | null
  readonly signal: string | null
  /** What it did that no worker of ours does, and was ended for. */
  readonly offence?: string | undefined
  readonly lifetimeSeconds: number
  /** Processor time as far as it was seen; 0 when it was not. */
  readonly cpuSeconds: number
}

/** What an operator sees of one process. Times are in ms since the epoch; null is `not known`. */
export interface WorkerSnapshot {
  readonly id: WorkerId
  readonly pid: number | null
  /** Null while it waits in the warm pool. */
  readonly userId: UserId | null
  readonly phase: Phase | 'warm'
  readonly inFlight: number
  readonly rssBytes: number | null
  readonly cpuSeconds: number | null
  readonly eventLoopLagSeconds: number | null
  readonly startedAt: number
  readonly lastCallAt: number | null
  readonly requests: number
  readonly version: string | null
}

/** What others may want to know. The functions must not throw. */
export interface WorkerEvents {
  onPhase?(userId: UserId, from: Phase, to: Phase): void
  /** The process of a user is gone. Called before `RunningWorker.gone` settles. */
  onExit?(end: WorkerEnd): void
  /** A start for a user came to an end; `warm` when a waiting worker was claimed. */
  onSpawn?(path: 'cold' | 'warm', result: 'ok' | 'failed', seconds: number): void
  /** The worker knows whose it is, and is about to serve. */
  onAssigned?(worker: RunningWorker): void
  /** Every message after `assign`, in its order. */
  onMessage?(worker: RunningWorker, message: FromWorker): void
  /** How long a user's start waited for a place. */
  onQueued?(seconds: number): void
  /** A start failed; `diagnosis` is what the worker said on stderr, for the log only. */
  onStartFailure?(userId: UserId, diagnosis: string): void
}
