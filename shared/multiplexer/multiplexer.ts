import type { Duplex } from 'node:stream'
import {
  FRAME,
  FrameError,
  FrameReader,
  type FrameType,
  HEADER_BYTES,
  MOST_MESSAGE,
  writeHeader
} from './frames.ts'
import { type Carrier, MuxStream } from './mux-stream.ts'

export interface MultiplexerParts {
  /** One end of a connected pair; nothing else reads or writes it. */
  readonly pair: Duplex
  /** Whose end it is. */
  readonly side: 'gateway' | 'worker'
  /** A message of the channel, as text. What it throws ends the pair. */
  onMessage(text: string): void
  /** The other side opened a stream. Without it, such streams are refused. */
  onStream?(stream: MuxStream): void
  /**
   * The end of it: the pair is closed, or the other side broke the rules and is not listened to any more; then `why`
   * says how, in words that hold nothing of what it sent. Called once.
   */
  onEnd(why: string | undefined): void
  /** Whether one more frame, with a payload of so many bytes, may come now; without it there may be any number. */
  admits?(type: FrameType, length: number): boolean
  /** So many bytes of data of a stream go out. */
  onSent?(bytes: number): void
  /** Bytes lie here because the other side does not take them, or no longer do. */
  onCongestion?(isCongested: boolean): void
  /** The most streams that the other side may have open at once. */
  readonly mostStreams?: number
}

/** Smaller payloads are copied behind their header, larger ones written by themselves. */
const COPIED_BYTES = 4096
/**
 * What Node reads at a time. A read that was filled is followed by the next one before anybody else has a turn, up to
 * 32 times (libuv, `uv__read`).
 */
const WHOLE_READ = 2 ** 16

/** Carries messages and any number of streams over one connected pair. See `frames.ts`. */
export class Multiplexer implements Carrier {
  readonly #parts: MultiplexerParts
  readonly #streams = new Map<number, MuxStream>()
  #isOpen = true
  #isCongested = false
  #isGathering = false
  #nextId: number
  #theirLastId = 0
  #theirOpen = 0

  constructor(parts: MultiplexerParts) {
    this.#parts = parts
    const { pair, side } = parts
    this.#nextId = side === 'gateway' ? 2 : 1
    const reader = new FrameReader({
      begins: (type, length) => {
        if (parts.admits?.(type, length) === false) throw new FrameError('Too many frames arrived.')
      },
      frame: (type, id, payload) => this.#receive(type, id, payload),
      data: (id, piece) => this.#receiveData(id, piece)
    })
    pair.on('data', (chunk: Buffer) => {
      if (!this.#isOpen) return
      if (chunk.length >= WHOLE_READ) this.#letOthersRead()
      try {
        reader.take(chunk)
      } catch (error) {
        this.#end(error instanceof FrameError ? error.message : 'What arrived made no sense.')
      }
    })
    pair.on('drain', () => this.#flow())
    pair.on('error', () => this.#end(undefined))
    pair.on('close', () => this.#end(undefined))
    pair.on('end', () => this.#end(undefined))
  }

  get isCongested(): boolean {
    return this.#isCongested
  }

  /** Opens a stream. When the pair is closed already, the stream is as well. */
  open(): MuxStream {
    const stream = new MuxStream(this.#nextId, this)
    this.#nextId += 2
    if (!this.#isOpen) return stream.destroy()
    this.#streams.set(stream.id, stream)
    this.send(FRAME.open, stream.id)
    return stream
  }

  /** Sends a message of the channel; nothing when the pair is closed. False when it is too long to be one. */
  tell(message: object): boolean {
    const payload = Buffer.from(JSON.stringify(message))
    if (payload.length > MOST_MESSAGE) return false
    this.send(FRAME.message, 0, payload)
    this.#flush() // what a process says before its end has left it
    return true
  }

  /** Closes the pair, and with it every stream. May be called more than once. */
  close(): void {
    this.#end(undefined)
  }

  /** As `close`, because of what the other side does; `why` is passed on to `onEnd`. */
  refuse(why: string): void {
    this.#end(why)
  }

  /** Resolves when all that was said has left this process. Nothing can be said afterwards. */
  async finish(): Promise<void> {
    const { pair } = this.#parts
    this.#flush()
    if (this.#isOpen) await new Promise<void>((resolve) => pair.end(() => resolve()))
  }

  send(type: FrameType, id: number, payload?: Buffer): void {
    if (!this.#isOpen) return
    const { pair } = this.#parts
    this.#gather(pair)
    const length = payload?.length ?? 0
    const isCopied = length <= COPIED_BYTES
    const frame = Buffer.allocUnsafe(HEADER_BYTES + (isCopied ? length : 0))
    writeHeader(frame, type, length, id)
    if (isCopied) payload?.copy(frame, HEADER_BYTES)
    let isTaken = pair.write(frame)
    if (payload && !isCopied) isTaken = pair.write(payload)
    if (type === FRAME.data) this.#parts.onSent?.(length)
    if (isTaken || this.#isCongested) return
    this.#isCongested = true
    this.#parts.onCongestion?.(true)
  }

  forget(stream: MuxStream): void {
    if (this.#streams.delete(stream.id) && this.#isTheirs(stream.id)) this.#theirOpen -= 1
  }

  /** Much comes: the rest is read in the next turn of the event loop, behind what came meanwhile to other sockets. */
  #letOthersRead(): void {
    const { pair } = this.#parts
    pair.pause()
    setImmediate(() => pair.resume())
  }

  /** What is sent in one turn of the event loop goes out as one piece. */
  #gather(pair: Duplex): void {
    if (this.#isGathering) return
    this.#isGathering = true
    pair.cork()
    process.nextTick(() => this.#flush())
  }

  #flush(): void {
    if (!this.#isGathering) return
    this.#isGathering = false
    this.#parts.pair.uncork()
  }

  #flow(): void {
    if (this.#isCongested) this.#parts.onCongestion?.(false)
    this.#isCongested = false
    for (const stream of this.#streams.values()) {
      if (this.#isCongested) return
      stream.flow()
    }
  }

  #receive(type: FrameType, id: number, payload: Buffer): void {
    switch (type) {
      case FRAME.message:
        this.#parts.onMessage(payload.toString('utf8'))
        break
      case FRAME.open:
        this.#receiveOpen(id)
        break
      case FRAME.end:
        this.#known(id)?.receiveEnd()
        break
      case FRAME.reset:
        this.#known(id)?.receiveReset()
        break
      case FRAME.credit:
        this.#known(id)?.receiveCredit(payload.readUInt32BE())
        break
    }
  }

  #receiveData(id: number, piece: Buffer): void {
    this.#known(id)?.receive(piece)
  }

  #receiveOpen(id: number): void {
    const { onStream, mostStreams = Number.POSITIVE_INFINITY } = this.#parts
    if (!this.#isTheirs(id) || id <= this.#theirLastId)
      throw new FrameError('A stream was opened under an id that is not free.')
    this.#theirLastId = id
    const stream = new MuxStream(id, this)
    if (!onStream || this.#theirOpen >= mostStreams) {
      stream.destroy()
      return
    }
    this.#theirOpen += 1
    this.#streams.set(id, stream)
    onStream(stream)
  }

  /** Undefined for a stream that is over on this side: the other one may not know yet. */
  #known(id: number): MuxStream | undefined {
    const stream = this.#streams.get(id)
    if (stream) return stream
    const wasOpened = this.#isTheirs(id) ? id <= this.#theirLastId : id < this.#nextId
    if (!wasOpened || id === 0)
      throw new FrameError('A frame names a stream that was never opened.')
    return undefined
  }

  #isTheirs(id: number): boolean {
    return id % 2 !== this.#nextId % 2
  }

  #end(why: string | undefined): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    const streams = [...this.#streams.values()]
    this.#streams.clear()
    for (const stream of streams) stream.receiveLoss()
    this.#parts.pair.destroy()
    this.#parts.onEnd(why)
  }
}
