import type { Clock } from '#shared/clock.ts'
import { ToolError } from '#shared/tool-error.ts'
import { LimitedThread } from '../limited-thread.ts'
import type { DocumentTasks } from './document-tasks.ts'
import type { DocumentText } from './limits.ts'

const TIMEOUT_MS = 15_000
const HEAP_MB = 96
/** A worker has 256 MiB by default, of which it needs some 80 itself. */
const GROWTH_MB = 140

export interface DocumentReaderOptions {
  /** The thread's program: `worker/mime/documents/document-tasks.ts` or its bundle. */
  readonly threadFile: string
  readonly clock: Clock
  /** How long one document may take, while this process runs. */
  readonly timeoutMs?: number
}

/** Reads hostile documents in a thread of their own, so that no mail has to wait for one. */
export class DocumentReader {
  readonly #thread: LimitedThread<DocumentTasks>
  /** The document that was read last, of which a client may want the next piece. */
  #last: { readonly name: string; readonly read: DocumentText } | undefined

  constructor({ threadFile, clock, timeoutMs = TIMEOUT_MS }: DocumentReaderOptions) {
    this.#thread = new LimitedThread({
      ...{ file: threadFile, clock, timeoutMs, heapMb: HEAP_MB, growthMb: GROWTH_MB },
      tooLarge: 'This file is too large or too complex for its text to be extracted; use a link.'
    })
  }

  /**
   * What a file says. `name` is the same for the same bytes. Throws `invalid_argument` when no text can be extracted from it,
   * `too_large` when it needs more time or memory than it may take.
   */
  async read(name: string, bytes: Uint8Array, signal: AbortSignal): Promise<DocumentText> {
    if (this.#last?.name === name) return this.#last.read
    const read = await this.#thread.run('readDocument', bytes, signal)
    if ('unreadable' in read) throw new ToolError('invalid_argument', read.unreadable)
    this.#last = { name, read }
    return read
  }

  /** May be called more than once. */
  close(): Promise<void> {
    this.#last = undefined
    return this.#thread.close()
  }
}
