import type { ServerResponse } from 'node:http'
import type { Clock } from '#shared/clock.ts'
import { toldId } from './call-event-id.ts'
import type { Exchange } from './exchange.ts'

/** An answer that is longer is not kept for a client that has left. */
const LONGEST = 256 * 1024
/** As long as nothing is said, so that nothing in between takes the stream for dead. */
const KEEP_ALIVE_MS = 15_000
/** How soon a client should come back (WHATWG HTML §9.2.6): it is to know within 2 s what became of its call. */
const COME_BACK_MS = 1000

/** The event that begins an answer stream and lets its client come back (MCP 2025-11-25, Streamable HTTP). */
export const primingEvent = (eventId: string): string =>
  `id: ${eventId}\nretry: ${COME_BACK_MS}\ndata:\n\n`

/**
 * A call whose answer stream has begun with an event id. When its client leaves, the call goes on, and its answer waits here
 * for the client to come back.
 */
export class ResumableAnswer {
  readonly eventId: string
  readonly #calls: Exchange['calls']
  readonly #sessionHash: string
  readonly #first: ServerResponse
  readonly #clock: Clock
  /** The last whole event, in pieces: of a call that is over, its answer. Undefined when it is too long. */
  #last: Buffer[] | undefined = []
  #bytes = 0
  #isOver = false
  #isTaken = false
  #reader: ServerResponse | undefined
  #onOver: (() => void)[] = []

  constructor(exchange: Exchange, eventId: string, sessionHash: string, clock: Clock) {
    this.eventId = eventId
    this.#calls = exchange.calls
    this.#sessionHash = sessionHash
    this.#first = exchange.reply.raw
    this.#clock = clock
  }

  /** The id of an event by which its client learns that there is no answer: who brings it back is told no more. */
  get toldEventId(): string {
    return toldId(this.eventId)
  }

  isOf(session: { readonly hash: string }): boolean {
    return session.hash === this.#sessionHash
  }

  /** The bytes that wait for its client. */
  get bytes(): number {
    return this.#bytes
  }

  /** Nobody can have its answer, whether or not its client comes back. */
  get isLost(): boolean {
    return this.#last === undefined
  }

  get isOver(): boolean {
    return this.#isOver
  }

  /** Its client was given an error. Some come back after one all the same (client library 1.32.2). */
  get wasRefused(): boolean {
    return this.#isTaken && this.#calls.every(({ isFailed }) => isFailed)
  }

  /** The worker has said this, which begins an event unless it `goesOn` with one. */
  add(piece: Buffer, goesOn: boolean): void {
    if (!goesOn) {
      this.#last = []
      this.#bytes = 0
    }
    this.#bytes += piece.byteLength
    if (this.#bytes > LONGEST) this.drop()
    this.#last?.push(piece)
  }

  /** Nothing more will come. To be said before its response is ended: what the client takes whole is not kept. */
  over(): void {
    if (this.#isOver) return
    this.#isOver = true
    if (!this.#first.destroyed) this.#first.once('finish', () => this.#taken())
    if (this.#reader) this.#answer(this.#reader)
    for (const fn of this.#onOver) fn()
  }

  /** Calls `fn` when the call is over, at once if it is. */
  whenOver(fn: () => void): void {
    if (this.#isOver) fn()
    else this.#onOver.push(fn)
  }

  /** Gives the answer up, for want of room. */
  drop(): void {
    this.#last = undefined
    this.#bytes = 0
  }

  /**
   * Its client has come back on another response, which is given the answer as soon as that is there. False when it
   * has left and cannot be given.
   */
  follow(to: ServerResponse): boolean {
    if (this.#isTaken || this.isLost) return false
    if (this.#isOver) {
      this.#answer(to)
      return true
    }
    this.#first.destroy() // its client knows it for dead, if we do not
    this.#reader?.end()
    this.#reader = to
    const keepAlive = (): void => {
      if (to.writableEnded || to.destroyed) return
      to.write(': keepalive\n\n')
      this.#clock.after(KEEP_ALIVE_MS, keepAlive)
    }
    this.#clock.after(KEEP_ALIVE_MS, keepAlive)
    return true
  }

  #answer(to: ServerResponse): void {
    if (to.destroyed) return
    const events = Buffer.concat(this.#last ?? []).toString('utf8')
    const answer = events.split('\n\n').findLast((event) => event !== '' && !event.startsWith(':'))
    to.once('finish', () => this.#taken())
    to.end(answer === undefined ? undefined : `${answer}\n\n`)
  }

  #taken(): void {
    this.#isTaken = true
    this.drop()
  }
}
