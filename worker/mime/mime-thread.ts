import type { Clock } from '#shared/clock.ts'
import type { ForwardedHtml } from './forward-html.ts'
import type { Tasks } from './html-tasks.ts'
import { LimitedThread } from './limited-thread.ts'
import type { HtmlWishes, ReadHtml } from './read-html.ts'

const TIMEOUT_MS = 5_000
const HEAP_MB = 128

export interface MimeThreadOptions {
  /** The thread's program: `worker/mime/html-tasks.ts` or its bundle. */
  readonly threadFile: string
  readonly clock: Clock
  /** How long one message may take, while this process runs. */
  readonly timeoutMs?: number
  /** How much memory the thread may use, in MB. */
  readonly heapMb?: number
}

/** Reads hostile HTML in a thread with limits: see `LimitedThread`. */
export class MimeThread {
  readonly #thread: LimitedThread<Tasks>

  constructor({ threadFile, clock, timeoutMs = TIMEOUT_MS, heapMb = HEAP_MB }: MimeThreadOptions) {
    const tooLarge = 'A part of this message is too complex to read.'
    this.#thread = new LimitedThread({ file: threadFile, clock, timeoutMs, heapMb, tooLarge })
  }

  /** Throws `too_large` when the HTML needs more time or memory than it may take, another error when no thread starts. */
  readHtml(
    source: string,
    signal: AbortSignal,
    wishes: HtmlWishes = { html: false, wholeLinks: false }
  ): Promise<ReadHtml> {
    return this.#thread.run('readHtml', { source, wishes }, signal)
  }

  /** The HTML of a message, fit to be sent on. Throws as `readHtml`. */
  forwardHtml(html: string, signal: AbortSignal): Promise<ForwardedHtml> {
    return this.#thread.run('forwardHtml', html, signal)
  }

  /** A calendar object in words; undefined when it is none. Throws as `readHtml`. */
  readCalendar(source: string, signal: AbortSignal): Promise<string | undefined> {
    return this.#thread.run('readCalendar', source, signal)
  }

  /** The HTML of Markdown. Throws as `readHtml`. */
  markdownHtml(source: string, signal: AbortSignal): Promise<string> {
    return this.#thread.run('markdownHtml', source, signal)
  }

  /** Text in a charset that the platform does not know; undefined when nobody knows it. Throws as `readHtml`. */
  decodeRare(bytes: Uint8Array, charset: string, signal: AbortSignal): Promise<string | undefined> {
    return this.#thread.run('decodeRare', { bytes, charset }, signal)
  }

  /** May be called more than once. */
  close(): Promise<void> {
    return this.#thread.close()
  }
}
