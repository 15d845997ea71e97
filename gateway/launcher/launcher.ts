import type { Duplex } from 'node:stream'
import type { WorkerId } from '#shared/ids.ts'
import type { WorkerChannel } from './worker-channel.ts'

/**
 * Starts workers that belong to nobody yet. Another launcher (container, other host) keeps the same
 * promises; `test/helpers/launcher-contract.ts` states them as tests.
 */
export interface Launcher {
  /**
   * Starts a worker. Throws ERR_WORKER_CAPACITY when there is no room for another one; one that cannot be
   * started for another reason is `gone` at once.
   */
  launch(): Launched
  /**
   * Removes what the launcher holds itself (its run directory). Called after every worker is gone; may be
   * called more than once.
   */
  close(): Promise<void>
}

/** One process, from its launch to its end. */
export interface Launched {
  readonly id: WorkerId
  /** Undefined when the process could not be created, or runs on another machine. */
  readonly pid: number | undefined
  /** Milliseconds since the epoch. */
  readonly launchedAt: number
  /**
   * A new connection to it, on which it serves HTTP/1.1 once it is ready. That it is connected is the proof of who is
   * there: nobody else can be. When the worker is gone, the connection is destroyed.
   */
  connect(): Duplex
  /** From now on nothing that it writes to Gmail goes further unless `mayPass` says so, asked with each piece of it. */
  passWhile(mayPass: () => boolean): void
  readonly channel: WorkerChannel
  /**
   * Settles once. Resolves when the worker serves, without an identity; rejects with ERR_WORKER_START when
   * it ends first or speaks another protocol. Has no deadline: who launches decides how long to wait.
   */
  readonly ready: Promise<WorkerGreeting>
  /** Settles once, always, when the process is gone and what it left behind is removed. Never rejects. */
  readonly gone: Promise<ProcessEnd>
  /** Sends a signal to the process and its children. Safe at any time, any number of times. */
  kill(signal: 'SIGTERM' | 'SIGKILL'): void
  /** The last words on stderr, at most 4 KiB, for the log line that explains a failed start. */
  diagnose(): string
}

export interface WorkerGreeting {
  /** The version of the worker's program. */
  readonly version: string
}

export interface ProcessEnd {
  /** Null when a signal ended it, or when it never ran. */
  readonly code: number | null
  readonly signal: string | null
  /** V8 gave up for want of memory. */
  readonly isOutOfMemory: boolean
  /** What it did that no worker of ours does, and was ended for; a sentence without a word of its own. */
  readonly offence?: string | undefined
}
