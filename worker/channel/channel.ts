import { type FromWorker, parseToWorker, type ToWorker } from '#shared/worker-protocol.ts'

type Answer = Extract<
  ToWorker,
  {
    type:
      | 'token'
      | 'token-refused'
      | 'linked'
      | 'send-answer'
      | 'sign-in-answer'
      | 'confirm-answer'
      | 'units-answer'
      | 'unsubscribe-answer'
      | 'session-stored'
      | 'session-refused'
  }
>
type Question = Extract<
  FromWorker,
  {
    type:
      | 'token'
      | 'link'
      | 'upload'
      | 'send'
      | 'sign-in'
      | 'confirm'
      | 'unsubscribe'
      | 'units'
      | 'session-opened'
  }
>
/** What the gateway says of its own accord. */
export type Told = Exclude<ToWorker, Answer>

export interface ChannelParts {
  /** Passes a message to the gateway. False when it is too long. */
  readonly post: (message: FromWorker) => boolean
  /** Receives everything that is not the answer to a question. */
  readonly told: (message: Told) => void
}

/** The worker's end of the channel to the gateway that started it. */
export class Channel {
  readonly #parts: ChannelParts
  readonly #pending = new Map<number, (answer: Answer) => void>()
  #asked = 0

  constructor(parts: ChannelParts) {
    this.#parts = parts
  }

  /** Called with each message of the gateway, as text. */
  receive(text: string): void {
    const message = parseToWorker(JSON.parse(text))
    if (isAnswer(message)) this.#settle(message)
    else this.#parts.told(message)
  }

  /** Says something that needs no answer. Silently nothing when the gateway is gone. */
  tell(message: FromWorker): void {
    this.#parts.post(message)
  }

  /** Asks, and resolves with the gateway's answer. Rejects only when the question is too long to be asked. */
  async ask(question: DistributiveOmit<Question, 'id'>): Promise<Answer> {
    this.#asked += 1
    const id = this.#asked
    const { promise, resolve } = Promise.withResolvers<Answer>()
    this.#pending.set(id, resolve)
    if (!this.#parts.post({ ...question, id })) {
      this.#pending.delete(id)
      throw new Error('The request is too long.')
    }
    return promise
  }

  #settle(answer: Answer): void {
    this.#pending.get(answer.id)?.(answer)
    this.#pending.delete(answer.id)
  }
}

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never

const isAnswer = (message: ToWorker): message is Answer =>
  message.type === 'token' ||
  message.type === 'token-refused' ||
  message.type === 'linked' ||
  message.type === 'send-answer' ||
  message.type === 'sign-in-answer' ||
  message.type === 'confirm-answer' ||
  message.type === 'units-answer' ||
  message.type === 'unsubscribe-answer' ||
  message.type === 'session-stored' ||
  message.type === 'session-refused'
