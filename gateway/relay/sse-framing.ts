const NEWLINE = 0x0a
const EVENT_END = Buffer.from('\n\n')
/** An announcement, which is what parked streams carry, is far smaller. */
const EVENT_LIMIT = 256 * 1024
/** What comes in this size or smaller is held until it is whole. */
const HOLD_BYTES = 64 * 1024

/**
 * Cuts a byte stream of server-sent events so that only whole events come out. What a dying worker left
 * unfinished is never seen by a client, and something else may be written after any piece.
 */
export class SseFramer {
  #held: Buffer[] = []
  #heldBytes = 0
  #lastByte: number | undefined

  /** An event that is larger than any announcement: whoever sends it would fill our memory. */
  get isTooLong(): boolean {
    return this.#heldBytes > EVENT_LIMIT
  }

  /** The bytes of an event that has begun and not ended. */
  get heldBytes(): number {
    return this.#heldBytes
  }

  /** The whole events that are complete with this chunk; undefined when there is none yet. */
  push(chunk: Buffer): Buffer | undefined {
    if (chunk.byteLength === 0) return undefined
    const end = this.#endIn(chunk)
    this.#lastByte = end === chunk.length ? undefined : chunk.at(-1)
    if (end === 0) {
      this.#held.push(chunk)
      this.#heldBytes += chunk.byteLength
      return undefined
    }
    const whole = joined([...this.#held, chunk.subarray(0, end)])
    this.#held = end < chunk.length ? [chunk.subarray(end)] : []
    this.#heldBytes = chunk.length - end
    return whole
  }

  /** Gives up what is held, unfinished as it is. */
  release(): Buffer {
    const held = joined(this.#held)
    this.#held = []
    this.#heldBytes = 0
    return held
  }

  /** Where the last event that ends in this chunk ends; 0 when none does. Its end may lie across two chunks. */
  #endIn(chunk: Buffer): number {
    const at = chunk.lastIndexOf(EVENT_END)
    if (at >= 0) return at + EVENT_END.length
    return this.#lastByte === NEWLINE && chunk[0] === NEWLINE ? 1 : 0
  }
}

/** One piece is not copied: most of a long answer comes so. */
const joined = (pieces: readonly Buffer[]): Buffer => {
  const [first, ...others] = pieces
  return first && others.length === 0 ? first : Buffer.concat(pieces)
}

/**
 * The same for answers, whose events may be as long as a message with its attachments: whole events come
 * out, and of a long one what is there.
 */
export class EventCutter {
  readonly #events = new SseFramer()
  #isInside = false

  /** Whether what came out last ends within an event. */
  get isInside(): boolean {
    return this.#isInside
  }

  /** What may be passed on with this chunk; undefined when that is nothing yet. */
  push(chunk: Buffer): Buffer | undefined {
    const whole = this.#events.push(chunk)
    if (whole) this.#isInside = false
    if (!this.#isInside && this.#events.heldBytes <= HOLD_BYTES) return whole
    const begun = this.#events.release()
    if (begun.byteLength === 0) return whole
    this.#isInside = true
    return whole ? Buffer.concat([whole, begun]) : begun
  }
}
