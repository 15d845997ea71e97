/**
 * What travels between gateway and worker: frames over one pair of connected sockets.
 *
 *   0      1             4                 8
 *   | type | length (24) | stream id (32)  | payload …
 *
 * A stream is a pair of byte streams, as a TCP connection would be. Each side may send `WINDOW` bytes on a stream
 * beyond what the other has used up, so neither ever holds more than that of a stream that nobody reads.
 */

export const FRAME = {
  /** A message of the channel, as JSON; belongs to no stream. */
  message: 1,
  /** A new stream. The gateway's have even ids, the worker's odd ones, and each is greater than the one before. */
  open: 2,
  data: 3,
  /** No more data will follow. */
  end: 4,
  /** The stream is over, in both directions. */
  reset: 5,
  /** So many bytes more may be sent on the stream; 32 bits. */
  credit: 6
} as const

export type FrameType = (typeof FRAME)[keyof typeof FRAME]

/** The file descriptor of a worker's end of the pair. */
export const LINK_FD = 3
export const HEADER_BYTES = 8
/** The most bytes of data in one frame. */
export const MOST_DATA = 2 ** 16
/** The longest message, in bytes. */
export const MOST_MESSAGE = 2 ** 18
/** How many bytes of a stream may be on their way, or lie unread. */
export const WINDOW = 2 ** 17

/** The other side broke the rules above: nothing that it says after that means anything. */
export class FrameError extends Error {
  override readonly name = 'FrameError'
}

export interface FrameListener {
  /** A frame begins. May throw a FrameError, to refuse it before its payload is taken. */
  begins(type: FrameType, length: number): void
  /** A whole frame of any type but `data`. */
  frame(type: FrameType, id: number, payload: Buffer): void
  /** Data of a frame, as it comes: what is long arrives in several pieces. */
  data(id: number, piece: Buffer): void
}

/** Takes frames out of the bytes that arrive. Holds at most one message. */
export class FrameReader {
  readonly #listener: FrameListener
  readonly #header = Buffer.alloc(HEADER_BYTES)
  #headerBytes = 0
  #type: FrameType = FRAME.reset
  #id = 0
  /** Of the payload that is being read. */
  #missing = 0
  #pieces: Buffer[] = []

  constructor(listener: FrameListener) {
    this.#listener = listener
  }

  /** Throws a FrameError as soon as the bytes can be no frames. */
  take(chunk: Buffer): void {
    let at = 0
    while (at < chunk.length) {
      if (this.#headerBytes < HEADER_BYTES) {
        const used = chunk.copy(this.#header, this.#headerBytes, at)
        this.#headerBytes += used
        at += used
        if (this.#headerBytes < HEADER_BYTES) return
        this.#begin()
        continue
      }
      const piece = chunk.subarray(at, at + this.#missing)
      at += piece.length
      this.#missing -= piece.length
      this.#receive(piece)
    }
  }

  #begin(): void {
    const type = typeOf(this.#header.readUInt8(0))
    this.#missing = this.#header.readUIntBE(1, 3)
    this.#id = this.#header.readUInt32BE(4)
    if (this.#missing > MOST_BYTES[type] || this.#missing < LEAST_BYTES[type])
      throw new FrameError('A frame has a length that it may not have.')
    this.#type = type
    this.#listener.begins(type, this.#missing)
    if (this.#missing === 0) this.#receive(NOTHING)
  }

  #receive(piece: Buffer): void {
    const isWhole = this.#missing === 0
    if (isWhole) this.#headerBytes = 0
    if (this.#type === FRAME.data) {
      this.#listener.data(this.#id, piece)
      return
    }
    if (!isWhole || this.#pieces.length > 0) this.#pieces.push(piece)
    if (!isWhole) return
    const payload = this.#pieces.length > 0 ? Buffer.concat(this.#pieces) : piece
    this.#pieces = []
    this.#listener.frame(this.#type, this.#id, payload)
  }
}

/** The bytes of a frame's beginning. */
export function writeHeader(to: Buffer, type: FrameType, length: number, id: number): void {
  to.writeUInt8(type, 0)
  to.writeUIntBE(length, 1, 3)
  to.writeUInt32BE(id, 4)
}

const NOTHING = Buffer.alloc(0)

const MOST_BYTES: Readonly<Record<FrameType, number>> = {
  [FRAME.message]: MOST_MESSAGE,
  [FRAME.open]: 0,
  [FRAME.data]: MOST_DATA,
  [FRAME.end]: 0,
  [FRAME.reset]: 0,
  [FRAME.credit]: 4
}

const LEAST_BYTES: Readonly<Record<FrameType, number>> = {
  [FRAME.message]: 2,
  [FRAME.open]: 0,
  [FRAME.data]: 1,
  [FRAME.end]: 0,
  [FRAME.reset]: 0,
  [FRAME.credit]: 4
}

function typeOf(byte: number): FrameType {
  const type = TYPES.get(byte)
  if (type === undefined) throw new FrameError('Bytes arrived that are no frame.')
  return type
}

const TYPES = new Map<number, FrameType>(Object.values(FRAME).map((type) => [type, type]))
