import type { Duplex } from 'node:stream'
import type { Clock } from '#shared/clock.ts'
import { FRAME } from '#shared/multiplexer/frames.ts'
import { Multiplexer } from '#shared/multiplexer/multiplexer.ts'
import { type Dial, join } from './dial.ts'
import { afterProcessTime, type MainThread } from './process-timeout.ts'
import { TokenBucket } from './token-bucket.ts'
import { type WorkerChannel, WorkerChannelEnd } from './worker-channel.ts'

export interface WorkerLinkParts {
  readonly clock: Clock
  /** The gateway's end of the pair. */
  readonly pair: Duplex
  /** What the worker's main thread does; where that is not to be had, it counts as asleep. */
  readonly look?: () => MainThread | undefined
  /** How a worker gets out; without it, it does not. */
  readonly dial?: Dial | undefined
  /** A worker asked for a way out. */
  readonly onDial?: ((result: 'ok' | 'failed') => void) | undefined
  /**
   * The pair is closed. `why` is a sentence when that is because the worker did what no worker of ours does; it holds
   * nothing that the worker said. Called once.
   */
  onEnd(why: string | undefined): void
}

/**
 * What a worker may do. It asks, tells and answers in proportion to what it was sent (a call is reported once), and a
 * little by itself. Beyond that it is not ours any more, whatever it says.
 */
const FRAMES = { burst: 20_000, perSecond: 5000 }
const MESSAGES = { burst: 4000, perSecond: 200 }
/** The shortest JSON-RPC request has about so many bytes; each is reported in a message. */
const BYTES_PER_CALL = 40
/** Long messages count as several. */
const BYTES_PER_MESSAGE = 4096
/** To open a stream costs as much as so many frames. */
const OPENING = 20
/** Connections to Gmail at once. */
const MOST_DIALS = 16
/** How long a worker may leave unread what was sent to it, in time of its own. */
const UNREAD_MS = 4000

/** The gateway's end of all that goes to and from one worker. What comes from there is taken for hostile. */
export class WorkerLink {
  readonly channel: WorkerChannel
  readonly #channel: WorkerChannelEnd
  readonly #multiplexer: Multiplexer
  #mayPass = (): boolean => true

  constructor({ clock, pair, look, dial, onDial, onEnd }: WorkerLinkParts) {
    const seen = () => look?.() ?? ASLEEP
    const now = () => clock.monotonic()
    const frames = new TokenBucket(FRAMES, now)
    const messages = new TokenBucket(MESSAGES, now)
    let cancel = (): void => {}
    const channel = new WorkerChannelEnd({
      clock,
      post: (message) => this.#multiplexer.tell(message)
    })
    this.channel = channel
    this.#channel = channel
    this.#multiplexer = new Multiplexer({
      pair,
      side: 'gateway',
      admits: (type, length) =>
        frames.take(type === FRAME.open ? OPENING : 1) &&
        (type !== FRAME.message || messages.take(1 + Math.floor(length / BYTES_PER_MESSAGE))),
      onSent(bytes) {
        const share = 4 + bytes / BYTES_PER_CALL
        frames.add(share)
        messages.add(share)
      },
      onMessage: (text) => channel.receive(JSON.parse(text)),
      onCongestion: (isCongested) => {
        cancel()
        if (isCongested)
          cancel = afterProcessTime(clock, UNREAD_MS, seen, () => this.#multiplexer.refuse(UNREAD))
      },
      mostStreams: MOST_DIALS,
      ...(dial && {
        onStream: (stream) =>
          void join(stream, dial, () => this.#mayPass()).then((result) => onDial?.(result))
      }),
      onEnd(why) {
        cancel()
        onEnd(why)
      }
    })
  }

  /** A new connection to the worker. */
  connect(): Duplex {
    return this.#multiplexer.open()
  }

  /** From now on nothing of it goes out unless `mayPass` says so. */
  passWhile(mayPass: () => boolean): void {
    this.#mayPass = mayPass
  }

  /** Nothing is said or heard any more. May be called more than once. */
  close(): void {
    this.#multiplexer.close()
    this.#channel.close()
  }
}

const ASLEEP: MainThread = { isAsleep: true, ranMs: 0 }

const UNREAD = 'It does not read what is sent to it.'
