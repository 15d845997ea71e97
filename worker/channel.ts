import type { FromWorker, ToWorker } from '#shared/channel.ts'
import { parseToWorker } from '#shared/channel.ts'

type Answer = Extract<
  ToWorker,
  {
    type:
      | 'token'
      | 'token-refused'
      | 'linked'
      | 'sign-in-answer'
      | 'session-stored'
      | 'session-refused'
  }
>
type Question = Extract<FromWorker, { type: 'token' | 'link' | 'sign-in' | 'session-opened' }>
type Told = Exclude<ToWorker, Answer>

/** The worker's end of the IPC channel to the gateway that started it. */
export class Channel {
  readonly #pending = new Map<number, (answer: Answer) => void>()
  readonly #process: NodeJS.Process
  #asked = 0

  /** `told` receives everything that is not the answer to a question; `lost` means the gateway is gone. */
  constructor(process: NodeJS.Process, told: (message: Told) => void, lost: () => void) {
    if (!process.send) throw new Error('A worker is started by the gateway, not by hand.')
    this.#process = process
    process.on('message', (raw) => {
      const message = parseToWorker(raw)
      if (isAnswer(message)) this.#settle(message)
      else told(message)
    })
    process.on('disconnect', lost)
  }

  /** Says something that needs no answer. Silently nothing when the gateway is gone. */
  tell(message: FromWorker): void {
    if (this.#process.connected) this.#process.send?.(message)
  }

  /** Asks, and resolves with the gateway's answer. Never rejects: without a gateway the worker ends. */
  ask(question: DistributiveOmit<Question, 'id'>): Promise<Answer> {
    this.#asked += 1
    const id = this.#asked
    const { promise, resolve } = Promise.withResolvers<Answer>()
    this.#pending.set(id, resolve)
    this.tell({ ...question, id })
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
  message.type === 'sign-in-answer' ||
  message.type === 'session-stored' ||
  message.type === 'session-refused'
