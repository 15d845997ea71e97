const EVENT_END = Buffer.from('\n\n')
/** Gmail's largest message in base64, twice over. */
const EVENT_LIMIT = 96 * 2 ** 20

/**
 * Cuts a byte stream of server-sent events so that only whole events come out. What a dying worker left
 * unfinished is never seen by a client, and something else may be written after any piece.
 */
export class WholeEvents {
  #held: Buffer[] = []
  #heldBytes = 0

  /** An event that is larger than any answer of ours: whoever sends it would fill our memory. */
  get isTooLong(): boolean {
    return this.#heldBytes > EVENT_LIMIT
  }

  /** The whole events that are complete with this chunk; undefined when there is none yet. */
  push(chunk: Buffer): Buffer | undefined {
    if (chunk.byteLength === 0) return undefined
    // An end may lie across two chunks: look at the last held byte as well.
    const tail = this.#held.at(-1)?.at(-1)
    if (tail === NEWLINE && chunk[0] === NEWLINE) return this.#cut(chunk, 1)
    const end = chunk.lastIndexOf(EVENT_END)
    if (end >= 0) return this.#cut(chunk, end + EVENT_END.length)
    this.#held.push(chunk)
    this.#heldBytes += chunk.byteLength
    return undefined
  }

  #cut(chunk: Buffer, at: number): Buffer {
    const later = chunk.lastIndexOf(EVENT_END)
    const end = later >= 0 ? Math.max(at, later + EVENT_END.length) : at
    const whole =
      this.#held.length === 0
        ? chunk.subarray(0, end)
        : Buffer.concat([...this.#held, chunk.subarray(0, end)])
    this.#held = end < chunk.length ? [chunk.subarray(end)] : []
    this.#heldBytes = chunk.length - end
    return whole
  }
}

const NEWLINE = 0x0a
