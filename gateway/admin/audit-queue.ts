import type { Clock } from '#shared/clock.ts'
import type { UserId } from '#shared/ids.ts'
import type { Audit, AuditEntry, PastEntry } from './audit.ts'

/** What waits for the database; beyond it, what comes is lost, and counted. */
const MOST_WAITING = 2000
const AT_ONCE = 100
const AGAIN_MS = 5000

export interface AuditQueueParts {
  readonly audit: Pick<Audit, 'noteAll'>
  readonly clock: Clock
  /** An entry was lost: the database had not been writable for long. */
  readonly onLost: () => void
}

/**
 * The audit of what has happened already and may not be held up or fail for it: sign-ins, refusals, mail sent.
 * Written a moment later, in order; while the database cannot be written, it waits here, up to a bound.
 */
export class AuditQueue {
  readonly #parts: AuditQueueParts
  readonly #waiting: PastEntry[] = []
  #writing: Promise<void> | undefined
  #disarm = (): void => {}
  #isClosed = false

  constructor(parts: AuditQueueParts) {
    this.#parts = parts
  }

  /** Never throws. */
  record(entry: AuditEntry): void {
    const { clock, onLost } = this.#parts
    if (this.#waiting.length >= MOST_WAITING || this.#isClosed) onLost()
    else this.#waiting.push({ ...entry, at: clock.now() })
    this.#write()
  }

  /**
   * What waits names this person no more: what was done is written, not by whom or to whom. Resolves when nothing that
   * names them is on its way to the database; to be called before their rows there are made so.
   */
  async forget(userId: UserId): Promise<void> {
    const actor = `user:${userId}`
    for (const [i, entry] of this.#waiting.entries())
      this.#waiting[i] = {
        ...entry,
        actor: entry.actor === actor ? 'user' : entry.actor,
        target: entry.target === userId ? 'user' : entry.target
      }
    await this.#writing
  }

  /** Writes what waits, once more if a try that had begun before came to nothing. May be called more than once. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#disarm()
    await this.#writing
    this.#write()
    await this.#writing
    for (const _ of this.#waiting) this.#parts.onLost()
    this.#waiting.length = 0
  }

  #write(): void {
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = undefined
    })
  }

  /** Never rejects. */
  async #writeAll(): Promise<void> {
    const { audit, clock } = this.#parts
    this.#disarm()
    await null // who tells of something in the same breath is written with it
    while (this.#waiting.length > 0) {
      const some = this.#waiting.slice(0, AT_ONCE)
      try {
        await audit.noteAll(some)
        this.#waiting.splice(0, some.length)
      } catch {
        // The store tells of its trouble itself.
        if (!this.#isClosed) this.#disarm = clock.after(AGAIN_MS, () => this.#write())
        return
      }
    }
  }
}
