import pLimit, { type LimitFunction } from 'p-limit'
import type { Piscina } from 'piscina'
import type { Clock } from '#shared/clock.ts'
import { ToolError } from '#shared/tool-error.ts'
import { afterRunningFor } from './running-timeout.ts'

const IDLE_MS = 30_000
/** A thread that has not loaded its program by then never will. */
const START_MS = 60_000
const YOUNG_MB = 16
const LOOK_MS = 100
const MB = 1_000_000

export interface ThreadOptions {
  /** The thread's program, or its bundle. */
  readonly file: string
  readonly clock: Clock
  /** How long one task may take, while this process runs; to start the thread takes what it takes. */
  readonly timeoutMs: number
  /** How much memory its objects may use, in MB. */
  readonly heapMb: number
  /** How much this whole process may grow during a task, in MB: buffers are not in the heap. Unbounded if absent. */
  readonly growthMb?: number
  /** What to say of a task that broke a limit. */
  readonly tooLarge: string
}

/**
 * Does hostile work in a thread with limits on time and memory, one task at a time. The thread starts on first need and ends when idle;
 * a task that breaks a limit ends it, and fails its own call only. `T` has the functions of the program.
 */
export class LimitedThread<T extends { [K in keyof T]: (job: never) => unknown }> {
  readonly #options: ThreadOptions
  /** So that the clock of a task starts when its work does. */
  readonly #turn: LimitFunction = pLimit(1)
  #pool: Promise<Piscina> | undefined
  /** Ends the task that is being done. */
  #limits: AbortController | undefined
  /** Whether there is a thread that has loaded its program. */
  #isReady = false
  #onReady = (): void => {}

  constructor(options: ThreadOptions) {
    this.#options = options
  }

  /** Throws `too_large` when the task needs more time or memory than it may take, another error when no thread starts. */
  run<K extends keyof T & string>(
    name: K,
    job: Parameters<T[K]>[0],
    signal: AbortSignal
  ): Promise<Awaited<ReturnType<T[K]>>> {
    return this.#turn(() => this.#run(name, job, signal))
  }

  /** May be called more than once. */
  async close(): Promise<void> {
    const pool = await this.#pool
    this.#pool = undefined
    await pool?.destroy()
  }

  async #run<K extends keyof T & string>(
    name: K,
    job: Parameters<T[K]>[0],
    signal: AbortSignal
  ): Promise<Awaited<ReturnType<T[K]>>> {
    signal.throwIfAborted()
    this.#pool ??= this.#open()
    const pool = await this.#pool
    const limits = new AbortController()
    this.#limits = limits
    const unbind = this.#bind(limits)
    try {
      return await pool.run(job, {
        name,
        signal: AbortSignal.any([signal, limits.signal])
      })
    } catch (cause) {
      signal.throwIfAborted()
      if (limits.signal.reason instanceof NoThread) throw limits.signal.reason
      throw new ToolError('too_large', this.#options.tooLarge, { cause })
    } finally {
      unbind()
    }
  }

  /** Aborts `limits` when the task breaks one. They count from when the thread can do it: a slow start is no fault of a mail. */
  #bind(limits: AbortController): () => void {
    if (this.#isReady) return this.#count(limits)
    const never = new NoThread('It has not loaded its program.')
    let unbind = afterRunningFor(this.#options.clock, START_MS, () => limits.abort(never))
    this.#onReady = () => {
      unbind()
      unbind = this.#count(limits)
    }
    return () => {
      this.#onReady = () => {}
      unbind()
    }
  }

  #count(limits: AbortController): () => void {
    const { clock, timeoutMs } = this.#options
    const cancel = afterRunningFor(clock, timeoutMs, () => limits.abort())
    const unwatch = this.#watchGrowth(() => limits.abort())
    return () => {
      cancel()
      unwatch()
    }
  }

  #watchGrowth(act: () => void): () => void {
    const { clock, growthMb } = this.#options
    if (growthMb === undefined) return () => {}
    const most = process.memoryUsage.rss() + growthMb * MB
    let cancel = (): void => {}
    const arm = (): void => {
      cancel = clock.after(LOOK_MS, () => {
        if (process.memoryUsage.rss() > most) act()
        else arm()
      })
    }
    arm()
    return () => cancel()
  }

  async #open(): Promise<Piscina> {
    const { Piscina } = await import('piscina')
    const pool = new Piscina({
      filename: this.#options.file,
      minThreads: 0,
      maxThreads: 1,
      idleTimeout: IDLE_MS,
      atomics: 'disabled',
      env: {},
      // Without them a thread would be free of the restrictions that its process was started with.
      execArgv: process.execArgv.filter((flag) => /^--(permission|allow-fs-read)/.test(flag)),
      recordTiming: false,
      resourceLimits: {
        maxOldGenerationSizeMb: this.#options.heapMb,
        maxYoungGenerationSizeMb: YOUNG_MB
      }
    })
    pool.on('workerCreate', () => {
      this.#isReady = true
      this.#onReady()
    })
    pool.on('workerDestroy', () => {
      this.#isReady = false
    })
    // A thread that dies before its task began has nobody else to tell.
    pool.on('error', (cause: NodeJS.ErrnoException) =>
      this.#limits?.abort(
        cause.code === OUT_OF_MEMORY ? undefined : new NoThread(cause.message, { cause })
      )
    )
    return pool
  }
}

/** https://nodejs.org/api/errors.html#err_worker_out_of_memory */
const OUT_OF_MEMORY = 'ERR_WORKER_OUT_OF_MEMORY'

/** The thread died of something that no job can do: it is the program that is broken. */
class NoThread extends Error {
  override readonly name = 'NoThread'
}
