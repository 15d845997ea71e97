import type { UserId } from '#shared/ids.ts'

export interface BufferedBytesRules {
  /** Most bytes that wait in this process for the clients of one account. */
  readonly perUser: number
  /** Most bytes that wait for all clients together. */
  readonly inAll: number
}

/** What an account may hold even when others have used up everything, so that its answers go on. */
const ALWAYS = 64 * 1024

/**
 * Counts the bytes of answers that were taken from workers and not yet by their clients. It keeps nothing
 * itself: whoever holds bytes asks before it takes more, and lets its worker wait while there is no room.
 */
export class BufferedBytes {
  readonly #rules: BufferedBytesRules
  readonly #byUser = new Map<UserId, number>()
  readonly #waiting = new Map<() => void, UserId>()
  #inAll = 0

  constructor(rules: BufferedBytesRules) {
    this.#rules = rules
  }

  /** Of everybody, in bytes. */
  get inAll(): number {
    return this.#inAll
  }

  /** Whether this account has to wait until some of what it holds was taken. */
  isFull(userId: UserId): boolean {
    const held = this.#byUser.get(userId) ?? 0
    return held >= this.#rules.perUser || (this.#inAll >= this.#rules.inAll && held >= ALWAYS)
  }

  /** Counts `bytes` in; the returned function counts them out again, once. */
  enter(userId: UserId, bytes: number): () => void {
    this.#count(userId, bytes)
    let isIn = true
    return () => {
      if (!isIn) return
      isIn = false
      this.#count(userId, -bytes)
      this.#wake()
    }
  }

  /** Calls `fn` once as soon as the account has room, at once if it has; the returned function takes that back. */
  whenRoom(userId: UserId, fn: () => void): () => void {
    if (this.isFull(userId)) this.#waiting.set(fn, userId)
    else fn()
    return () => void this.#waiting.delete(fn)
  }

  #count(userId: UserId, bytes: number): void {
    const held = (this.#byUser.get(userId) ?? 0) + bytes
    if (held > 0) this.#byUser.set(userId, held)
    else this.#byUser.delete(userId)
    this.#inAll += bytes
  }

  #wake(): void {
    for (const [fn, userId] of [...this.#waiting]) {
      if (this.isFull(userId)) continue
      this.#waiting.delete(fn)
      fn()
    }
  }
}
