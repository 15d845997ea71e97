import type { Clock } from '#shared/clock.ts'
import type { Access } from '../accounts/access-liveness.ts'

/** How often what is open is looked at: access that has ended is used no longer than this and a little. */
const EVERY_MS = 1500
/** The same where each look is a statement or two for all: what one gateway ends, ends on all within a second. */
const EVERY_TOGETHER_MS = 700
/** So many look-ups are made in one go; everybody else has a turn between two of them. */
const IN_A_ROW = 100

export interface AccessWatchParts {
  readonly clock: Clock
  /** Whether a credential would still be taken now. */
  readonly isLive: (access: Access) => Promise<boolean>
  /** Which of these `isLive` is to be asked about, found at once. All, if absent. */
  readonly doubtful?: ((accesses: readonly Access[]) => Promise<readonly Access[]>) | undefined
  /** Hears of the first failure in a row. */
  readonly failed: (error: unknown) => void
}

/**
 * Ends what rests on somebody's access when that is no more: by revocation (RFC 7009 §2), on the account page,
 * by an operator, or because its time is over. It looks at the store again and again instead of being told, so
 * that no way of ending access can be forgotten, another gateway's included.
 */
export class AccessWatch {
  readonly #parts: AccessWatchParts
  readonly #resting = new Map<string, { readonly access: Access; readonly ends: Set<() => void> }>()
  #disarm: () => void = () => {}
  #isClosed = false
  #hasFailed = false

  constructor(parts: AccessWatchParts) {
    this.#parts = parts
    this.#arm()
  }

  /** Calls `end` once when the access has ended. The returned function forgets it; it may be called twice. */
  add(access: Access, end: () => void): () => void {
    const key = `${access.credential} ${access.accessId} ${access.expiresAt}`
    const known = this.#resting.get(key) ?? { access, ends: new Set() }
    this.#resting.set(key, known)
    const own = (): void => end() // each caller's own, however often it adds the same function
    known.ends.add(own)
    return () => {
      known.ends.delete(own)
      if (known.ends.size === 0 && this.#resting.get(key) === known) this.#resting.delete(key)
    }
  }

  /** Ends what rests on access that is no more, now. Rejects when the store cannot be asked. */
  async look(): Promise<void> {
    const { doubtful } = this.#parts
    const all = [...this.#resting]
    if (all.length === 0) return
    const asked = doubtful && new Set(await doubtful(all.map(([, { access }]) => access)))
    let n = 0
    for (const [key, resting] of all) {
      if (asked && !asked.has(resting.access)) continue
      n += 1
      if (n % IN_A_ROW === 0) await new Promise((resolve) => setImmediate(resolve))
      if (await this.#parts.isLive(resting.access)) continue
      if (this.#resting.get(key) === resting) this.#resting.delete(key)
      for (const end of [...resting.ends]) end()
    }
  }

  /** May be called more than once. */
  close(): void {
    this.#isClosed = true
    this.#disarm()
  }

  #arm(): void {
    const everyMs = this.#parts.doubtful ? EVERY_TOGETHER_MS : EVERY_MS
    this.#disarm = this.#parts.clock.after(everyMs, () => {
      void this.#round() // never rejects
    })
  }

  async #round(): Promise<void> {
    try {
      await this.look()
      this.#hasFailed = false
    } catch (error) {
      if (!this.#hasFailed) this.#parts.failed(error)
      this.#hasFailed = true
    }
    if (!this.#isClosed) this.#arm()
  }
}
