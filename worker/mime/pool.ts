import pLimit, { type LimitFunction } from 'p-limit'
import type { Piscina } from 'piscina'
import type { Clock } from '#shared/clock.ts'
import { ToolError } from '../tool-error.ts'
import type { ForwardedHtml } from './forward-html.ts'
import type { HtmlWishes, ReadHtml } from './read-html.ts'
import { afterRunning } from './running-time.ts'
import type { Tasks } from './tasks.ts'

const TIMEOUT_MS = 5_000
const IDLE_MS = 30_000
const HEAP_MB = 128
const YOUNG_MB = 16

export interface MimePoolOptions {
  /** The thread's program: `worker/mime/tasks.ts` or its bundle. */
  readonly threadFile: string
  readonly clock: Clock
  /** How long one message may take, while this process runs. */
  readonly timeoutMs?: number
  /** How much memory the thread may use, in MB. */
  readonly heapMb?: number
}

/**
 * Reads hostile HTML in a thread with limits on time and memory. The thread starts on first need and ends when idle;
 * a message that breaks a limit ends it, and fails its own call only.
 */
export class MimePool {
  readonly #options: MimePoolOptions
  /** One at a time, so that the clock of a message starts when its work does. */
  readonly #turn: LimitFunction = pLimit(1)
  #pool: Promise<Piscina> | undefined
  /** Ends the message that is being read. */
  #limits: AbortController | undefined

  constructor(options: MimePoolOptions) {
    this.#options = options
  }

  /** Throws `too_large` when the HTML needs more time or memory than it may take, another error when no thread starts. */
  readHtml(
    source: string,
    signal: AbortSignal,
    wishes: HtmlWishes = { html: false, wholeLinks: false }
  ): Promise<ReadHtml> {
    return this.#turn(() => this.#run('readHtml', { source, wishes }, signal))
  }

  /** The HTML of a message, fit to be sent on. Throws as `readHtml`. */
  forwardHtml(html: string, signal: AbortSignal): Promise<ForwardedHtml> {
    return this.#turn(() => this.#run('forwardHtml', html, signal))
  }

  /** A calendar object in words; undefined when it is none. Throws as `readHtml`. */
  readCalendar(source: string, signal: AbortSignal): Promise<string | undefined> {
    return this.#turn(() => this.#run('readCalendar', source, signal))
  }

  /** Text in a charset that the platform does not know; undefined when nobody knows it. Throws as `readHtml`. */
  decodeRare(bytes: Uint8Array, charset: string, signal: AbortSignal): Promise<string | undefined> {
    return this.#turn(() => this.#run('decodeRare', { bytes, charset }, signal))
  }

  /** May be called more than once. */
  async close(): Promise<void> {
    const pool = await this.#pool
    this.#pool = undefined
    await pool?.destroy()
  }

  async #run<T extends keyof Tasks>(
    name: T,
    job: Parameters<Tasks[T]>[0],
    signal: AbortSignal
  ): Promise<ReturnType<Tasks[T]>> {
    signal.throwIfAborted()
    this.#pool ??= this.#open()
    const pool = await this.#pool
    const limits = new AbortController()
    this.#limits = limits
    const { clock, timeoutMs = TIMEOUT_MS } = this.#options
    const cancel = afterRunning(clock, timeoutMs, () => limits.abort())
    try {
      return await pool.run(job, {
        name,
        signal: AbortSignal.any([signal, limits.signal])
      })
    } catch (cause) {
      signal.throwIfAborted()
      if (limits.signal.reason instanceof NoThread) throw limits.signal.reason
      throw new ToolError('too_large', 'A part of this message is too complex to read.', {
        cause
      })
    } finally {
      cancel()
    }
  }

  async #open(): Promise<Piscina> {
    const { Piscina } = await import('piscina')
    const pool = new Piscina({
      filename: this.#options.threadFile,
      minThreads: 0,
      maxThreads: 1,
      idleTimeout: IDLE_MS,
      atomics: 'disabled',
      env: {},
      // Without them a thread would be free of the restrictions that its process was started with.
      execArgv: process.execArgv.filter((flag) => /^--(permission|allow-fs-read)/.test(flag)),
      recordTiming: false,
      resourceLimits: {
        maxOldGenerationSizeMb: this.#options.heapMb ?? HEAP_MB,
        maxYoungGenerationSizeMb: YOUNG_MB
      }
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

/** The thread died of something that no message can do: it is the program that is broken. */
class NoThread extends Error {
  override readonly name = 'NoThread'
}
