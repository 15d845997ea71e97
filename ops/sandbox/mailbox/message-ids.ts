import { createRandom, type Random } from '../random.ts'

/** Sixteen hexadecimal digits that grow with time, as Gmail's message ids do; other mailboxes have others. */
export class MessageIds {
  readonly #random: Random
  #last = 0n

  constructor(mailbox: string) {
    this.#random = createRandom(`ids ${mailbox}`)
  }

  /** An id later than all before; `at` is in milliseconds since the epoch. */
  next(at: number): string {
    const wanted = (BigInt(Math.max(at, 1)) << 20n) + BigInt(this.#random.below(1 << 20))
    this.#last = wanted > this.#last ? wanted : this.#last + 1n + BigInt(this.#random.below(4096))
    return this.#last.toString(16).padStart(16, '0')
  }

  /** No id at or below this one will be given out. */
  skip(id: string): void {
    const value = BigInt(`0x${id}`)
    if (value > this.#last) this.#last = value
  }
}

/** Whether a text could be an id at all; Gmail tells such apart from unknown ones. */
export const isMessageId = (text: string) => /^[0-9a-f]{10,16}$/.test(text)
