import { Duplex } from 'node:stream'
import { FRAME, FrameError, type FrameType, MOST_DATA, WINDOW } from './frames.ts'

/** What a stream needs of the pair that carries it. */
export interface Carrier {
  send(type: FrameType, id: number, payload?: Buffer): void
  /** Whether what was sent lies here unsent: nothing more should be added then, until `flow` is called. */
  readonly isCongested: boolean
  /** The stream is over on this side. */
  forget(stream: MuxStream): void
}

type Done = (error?: Error | null) => void

/** At most half of the window, so that what was used up is always told in time. */
const HELD_BYTES = WINDOW / 2

/** One of the connections that a multiplexer carries. To be used as a socket is. */
export class MuxStream extends Duplex {
  readonly id: number
  readonly #carrier: Carrier
  /** What may still be sent. */
  #credit = WINDOW
  /** What the other side may still send. */
  #window = WINDOW
  /** What waits for credit, or for the pair. */
  #waiting: { readonly bytes: Buffer; readonly done: Done } | undefined
  #hasEnded = { here: false, there: false }

  constructor(id: number, carrier: Carrier) {
    super({ highWaterMark: HELD_BYTES })
    this.id = id
    this.#carrier = carrier
  }

  /** As a socket's; it is the pair that keeps a process running. */
  ref(): this {
    return this
  }

  unref(): this {
    return this
  }

  /** Data arrived. Throws a FrameError when it is more than was allowed. */
  receive(piece: Buffer): void {
    this.#window -= piece.length
    if (this.#window < 0 || this.#hasEnded.there)
      throw new FrameError('More data arrived on a stream than may be sent.')
    if (this.destroyed) return
    this.push(piece)
    this.#returnCredit() // it may have gone on at once
  }

  /** The other side has no more to send. */
  receiveEnd(): void {
    this.#hasEnded.there = true
    if (!this.destroyed) this.push(null)
  }

  /** The other side is done with the stream. */
  receiveReset(): void {
    this.#hasEnded = { here: true, there: true } // it need not be told
    this.destroy(reset())
  }

  /** The other side is gone. What it sent before can still be read, and then the stream ends, as a socket's does. */
  receiveLoss(): void {
    const { there: hadEnded } = this.#hasEnded
    this.#hasEnded = { here: true, there: true }
    if (this.destroyed) return
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.done(reset())
    if (!hadEnded) this.push(null)
    if (this.readableLength > 0) this.once('end', () => this.destroy())
    else setImmediate(() => this.destroy()) // who listens hears of the end first
  }

  /** More may be sent. Throws a FrameError when that is more than a window. */
  receiveCredit(bytes: number): void {
    this.#credit += bytes
    if (this.#credit > WINDOW) throw new FrameError('More credit arrived than there can be.')
    this.flow()
  }

  /** Goes on with what waits. */
  flow(): void {
    const waiting = this.#waiting
    if (!waiting) return
    this.#waiting = undefined
    this.#send(waiting.bytes, waiting.done)
  }

  override _read(): void {
    // Data comes when it comes; what is used up is told by `read`.
  }

  /** Tells the other side what was used up, whoever read it. */
  override read(size?: number): unknown {
    const chunk: unknown = super.read(size)
    this.#returnCredit()
    return chunk
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    this.#send(chunk, done)
  }

  override _writev(chunks: { chunk: Buffer }[], done: Done): void {
    this.#send(Buffer.concat(chunks.map(({ chunk }) => chunk)), done)
  }

  override _final(done: Done): void {
    this.#hasEnded.here = true
    this.#carrier.send(FRAME.end, this.id)
    done()
  }

  override _destroy(error: Error | null, done: Done): void {
    if (!(this.#hasEnded.here && this.#hasEnded.there)) this.#carrier.send(FRAME.reset, this.id)
    this.#carrier.forget(this)
    const waiting = this.#waiting
    this.#waiting = undefined
    done(error)
    waiting?.done(error ?? reset())
  }

  #returnCredit(): void {
    const used = WINDOW - this.#window - this.readableLength
    if (used < WINDOW / 2 || this.#hasEnded.there || this.destroyed) return
    this.#window += used
    const payload = Buffer.allocUnsafe(4)
    payload.writeUInt32BE(used)
    this.#carrier.send(FRAME.credit, this.id, payload)
  }

  #send(bytes: Buffer, done: Done): void {
    let left = bytes
    if (this.#hasEnded.here) {
      done(reset())
      return
    }
    while (left.length > 0) {
      if (this.#credit === 0 || this.#carrier.isCongested) {
        this.#waiting = { bytes: left, done }
        return
      }
      const now = left.subarray(0, Math.min(this.#credit, MOST_DATA))
      this.#credit -= now.length
      left = left.subarray(now.length)
      this.#carrier.send(FRAME.data, this.id, now)
    }
    done()
  }
}

const reset = (): Error =>
  Object.assign(new Error('The other side closed the stream.'), { code: 'ECONNRESET' })
