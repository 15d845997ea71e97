import type { ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import { SseFramer } from '../relay/sse-framing.ts'

/** A client that reads slower than this many bytes behind is cut off, so that it cannot fill our memory. */
const BACKLOG_LIMIT = 2 ** 20

/** How soon a client should open another stream when this one ends, in milliseconds. */
const RECONNECT_MS = 1500

/** Whether the client should see an event of a worker that stays, or of one that is about to go. */
export type Accept = (event: string, stays: boolean) => boolean

/**
 * An event stream that a client holds open with the gateway, whether or not a worker is there to fill it.
 * Only whole events pass, in order, each once.
 */
export class ClientStream {
  readonly #to: ServerResponse
  #from: Readable | undefined
  #fromWhom: 'worker' | 'leaving worker' = 'worker'
  /** Its client was cut off, because it does not read. */
  isTooSlow = false

  /** Sends the headers at once. */
  constructor(to: ServerResponse, headers: Record<string, string>) {
    this.#to = to
    to.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
      ...headers
    }).flushHeaders()
  }

  /** Whether a worker that stays fills it. */
  get isBound(): boolean {
    return this.#from !== undefined && this.#fromWhom === 'worker'
  }

  /**
   * Passes on a worker's events until that worker leaves. `accept` may drop events (as text).
   * Resolves with true when the worker ended the stream of its own accord, false when it was cut off or
   * is leaving.
   */
  async bind(from: Readable, accept: Accept): Promise<boolean> {
    this.unbind()
    this.#from = from
    this.#fromWhom = 'worker'
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const events = new SseFramer()
    from.on('data', (chunk: Buffer) => {
      const whole = events.push(chunk)
      if (whole && this.#from === from) this.#pass(whole, accept)
      if (events.isTooLong) from.destroy()
    })
    from.once('end', () => resolve(true))
    from.once('close', () => resolve(false))
    from.on('error', () => resolve(false)) // by `unbind`, or the worker died: the stream stays
    if (from.destroyed) resolve(false)
    const ended = await promise
    const wasCurrent = this.#from === from
    const stayed = this.isBound
    if (wasCurrent) this.#from = undefined
    return ended && wasCurrent && stayed
  }

  /** The worker is about to go: what it still has to say passes, its end of the stream is not the stream's. */
  letGo(): void {
    this.#fromWhom = 'leaving worker'
  }

  /** Cuts the worker off; the client notices nothing. */
  unbind(): void {
    this.#from?.destroy()
    this.#from = undefined
  }

  /** A comment, so that nothing between us and the client takes the stream for dead. */
  keepAlive(): void {
    this.#write(': keepalive\n\n')
  }

  /** Says how soon to come back (WHATWG HTML §9.2.6); until then clients have an opinion of their own. */
  comeBackIn(ms = RECONNECT_MS): void {
    this.#write(`retry: ${ms}\n\n`)
  }

  /** Ends the client's stream. May be called more than once. */
  end(): void {
    this.unbind()
    this.#to.end()
  }

  #pass(whole: Buffer, accept: Accept): void {
    for (const event of whole.toString('utf8').split('\n\n')) {
      const isComment = event === '' || event.startsWith(':')
      if (!isComment && accept(event, this.isBound)) this.#write(`${event}\n\n`)
    }
  }

  #write(text: string): void {
    this.#to.write(text)
    if (this.#to.writableLength <= BACKLOG_LIMIT) return
    this.isTooSlow = true
    this.#to.destroy()
  }
}
