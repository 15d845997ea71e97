import type { ServerResponse } from 'node:http'
import type { UserId } from '#shared/ids.ts'
import type { BufferedBytes } from './buffered-bytes.ts'

/**
 * The way of an answer to its client. What the client does not take is held by Node and counted for its
 * account; while there is too much of it the outlet has no room, and the worker has to wait.
 */
export class ResponseWriter {
  readonly #to: ServerResponse
  readonly #held: BufferedBytes
  readonly #userId: UserId
  #leave: (() => void) | undefined
  #giveUp: (() => void) | undefined
  #isWatched = false

  constructor(to: ServerResponse, held: BufferedBytes, userId: UserId) {
    this.#to = to
    this.#held = held
    this.#userId = userId
  }

  /** Writes; false when the next piece should wait for `whenRoom`. What fits into Node's buffer is not counted. */
  write(bytes: Buffer): boolean {
    if (this.#to.write(bytes)) return true
    if (!this.#isWatched) this.#to.once('close', () => this.#close())
    this.#isWatched = true
    this.#leave?.()
    this.#leave = this.#held.enter(this.#userId, this.#to.writableLength)
    return false
  }

  /** Calls `fn` once when all was taken and the account has room; never when the client left. */
  readonly whenRoom = (fn: () => void): void => {
    this.#to.once('drain', () => {
      this.#leave?.()
      this.#leave = undefined
      this.#giveUp = this.#held.whenRoom(this.#userId, fn)
    })
  }

  #close(): void {
    this.#leave?.()
    this.#giveUp?.()
  }
}
