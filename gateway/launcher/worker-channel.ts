import type { Clock } from '#shared/clock.ts'
import { GatewayError } from '#shared/errors.ts'
import { type FromWorker, parseFromWorker, type ToWorker } from '#shared/worker-protocol.ts'

/** The gateway's end of the channel to one worker. */
export interface WorkerChannel {
  /** Says something that needs no answer. Silently nothing when the worker is gone. */
  send(message: ToWorker): void
  /** Hears every valid message from now on. The returned function ends that and may be called more than once. */
  on(listener: (message: FromWorker) => void): () => void
  /**
   * Asks and resolves with the answer that carries the question's id. Rejects with ERR_WORKER_GONE when
   * the worker dies first, or does not answer within `deadlineMs` (10 s unless said).
   */
  ask(question: Ping, deadlineMs?: number): Promise<Pong>
  ask(question: Restore, deadlineMs?: number): Promise<Restored>
  /** Resolves with the first message of this type from now on; rejects as `ask` does, but has no deadline. */
  next<T extends FromWorker['type']>(type: T): Promise<Extract<FromWorker, { type: T }>>
}

type Ping = Omit<Extract<ToWorker, { type: 'ping' }>, 'id'>
type Restore = Omit<Extract<ToWorker, { type: 'restore' }>, 'id'>
type Pong = Extract<FromWorker, { type: 'pong' }>
type Restored = Extract<FromWorker, { type: 'restored' }>

interface Asked {
  readonly answeredBy: 'pong' | 'restored'
  resolve(answer: Pong | Restored): void
}

export interface WorkerChannelParts {
  readonly clock: Clock
  /** Passes a message to the process; must not throw. */
  readonly post: (message: ToWorker) => void
}

const ANSWER_MS = 10_000

/** A channel over any transport: the launcher posts what is sent and passes on what arrives. */
export class WorkerChannelEnd implements WorkerChannel {
  readonly #clock: Clock
  readonly #post: (message: ToWorker) => void
  readonly #listeners = new Set<(message: FromWorker) => void>()
  readonly #asked = new Map<number, Asked>()
  /** Rejects for each that waits; a promise shared by all would keep every answer until the worker ends. */
  readonly #waiting = new Set<(why: GatewayError) => void>()
  #isOpen = true
  #count = 0

  constructor({ clock, post }: WorkerChannelParts) {
    this.#clock = clock
    this.#post = post
  }

  send(message: ToWorker): void {
    if (this.#isOpen) this.#post(message)
  }

  on(listener: (message: FromWorker) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  ask(question: Ping, deadlineMs?: number): Promise<Pong>
  ask(question: Restore, deadlineMs?: number): Promise<Restored>
  async ask(question: Ping | Restore, deadlineMs = ANSWER_MS): Promise<Pong | Restored> {
    this.#count += 1
    const id = this.#count
    const answer = Promise.withResolvers<Pong | Restored>()
    const { resolve, reject } = answer
    this.#asked.set(id, { answeredBy: question.type === 'ping' ? 'pong' : 'restored', resolve })
    const cancel = this.#clock.after(deadlineMs, () =>
      reject(gone('The worker did not answer in time.'))
    )
    this.send({ ...question, id })
    try {
      return await this.#orEnd(answer)
    } finally {
      cancel()
      this.#asked.delete(id)
    }
  }

  async next<T extends FromWorker['type']>(type: T): Promise<Extract<FromWorker, { type: T }>> {
    const first = Promise.withResolvers<Extract<FromWorker, { type: T }>>()
    const off = this.on((message) => {
      if (isOf(message, type)) first.resolve(message)
    })
    try {
      return await this.#orEnd(first)
    } finally {
      off()
    }
  }

  /** Called by the launcher with what the process sent. Throws a ZodError when it is not a message of ours. */
  receive(raw: unknown): void {
    const message = parseFromWorker(raw)
    if (message.type === 'pong' || message.type === 'restored') {
      const asked = this.#asked.get(message.id)
      if (asked?.answeredBy === message.type) asked.resolve(message)
    }
    for (const listener of [...this.#listeners]) listener(message)
  }

  /** Called by the launcher when the process is gone. May be called more than once. */
  close(): void {
    this.#isOpen = false
    for (const reject of this.#waiting) reject(ended())
    this.#listeners.clear()
  }

  /** Resolves with what is awaited; rejects when the worker ends first. */
  async #orEnd<T>({ promise, reject }: PromiseWithResolvers<T>): Promise<T> {
    if (!this.#isOpen) throw ended()
    this.#waiting.add(reject)
    try {
      return await promise
    } finally {
      this.#waiting.delete(reject)
    }
  }
}

const isOf = <T extends FromWorker['type']>(
  message: FromWorker,
  type: T
): message is Extract<FromWorker, { type: T }> => message.type === type

const gone = (message: string): GatewayError => new GatewayError('ERR_WORKER_GONE', message)

const ended = (): GatewayError => gone('The worker ended.')
