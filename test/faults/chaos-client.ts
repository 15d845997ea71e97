import { setTimeout as delay } from 'node:timers/promises'
import type { Random } from '../../ops/sandbox/random.ts'
import {
  call,
  type Endpoint,
  type Message,
  messagesOf,
  modernCall,
  openSession,
  send
} from '../helpers/mcp-http.ts'

/** No call may stay without an end for longer: a worker that hangs is found out in half of that. */
export const DEADLINE_MS = 60_000
const PAUSE_MS = 1200
const ABORTED_IN_MS = 60

/** How a call ended. The last five must not happen. */
export type Outcome =
  | 'answered'
  | 'refused' // a JSON-RPC error of the gateway, under the call's own id or none
  | 'unreachable' // the gateway was down, or died during the call
  | 'aborted' // by the client itself
  | 'misrouted' // the answer was somebody else's, or to another question
  | 'lost' // the session is not known any more
  | 'silent' // the answer ended without a message
  | 'strange' // anything else
  | 'hung'

export interface ChaosClientParts {
  readonly endpoint: Endpoint
  readonly era: 'legacy' | 'modern'
  /** What only this account's worker can say. */
  readonly canary: string
  readonly random: Random
  readonly report: (outcome: Outcome, detail: string) => void
}

/**
 * A client that calls, leaves in the middle of calls and calls again. Its JSON-RPC ids are those of every
 * other client: 1, 2, 3 and so on, several of them at once.
 */
export class ChaosClient {
  readonly #parts: ChaosClientParts
  #session: string | undefined
  #lastId = 0

  constructor(parts: ChaosClientParts) {
    this.#parts = parts
  }

  /** Opens the session that is kept to the end; tries again while the gateway is busy. */
  async open(): Promise<void> {
    if (this.#parts.era === 'modern') return
    this.#session = await openSession(this.#parts.endpoint)
  }

  /** Calls until `signal` ends it, and resolves when the last call is over. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { random } = this.#parts
    const pending = new Set<Promise<unknown>>()
    while (!signal.aborted) {
      const leaves = random.below(20) === 0
      const args = { nonce: this.#nonce(), ms: random.below(4) === 0 ? random.below(400) : 0 }
      const one = this.call('canary', args, leaves ? random.below(ABORTED_IN_MS) : undefined)
      pending.add(one)
      void one.then(() => pending.delete(one))
      if (pending.size > 2) await Promise.race(pending)
      await delay(random.below(PAUSE_MS), undefined, { signal }).catch(() => {})
    }
    await Promise.all(pending)
  }

  /** One call, judged. `leaveAfterMs` is when the client goes away, if it does. */
  async call(tool: string, args: object, leaveAfterMs?: number): Promise<Outcome> {
    this.#lastId += 1
    const id = this.#lastId
    const deadline = AbortSignal.timeout(DEADLINE_MS)
    const leaving = leaveAfterMs === undefined ? undefined : AbortSignal.timeout(leaveAfterMs)
    const signal = leaving ? AbortSignal.any([deadline, leaving]) : deadline
    try {
      return await this.#ask(id, tool, args, signal)
    } catch (error) {
      if (deadline.aborted) return this.#end('hung', tool)
      if (leaving?.aborted) return this.#end('aborted', tool)
      return this.#end(isNetwork(error) ? 'unreachable' : 'strange', String(error))
    }
  }

  async #ask(id: number, tool: string, args: object, signal: AbortSignal): Promise<Outcome> {
    const { endpoint, era } = this.#parts
    const sent =
      era === 'legacy'
        ? { body: call(tool, args, id), session: this.#session }
        : modernCall(tool, args, id)
    const response = await send(endpoint, { ...sent, signal })
    const [message, ...others] = await messagesOf(response)
    if (!message) return this.#end('silent', `${response.status}`)
    if (others.length > 0) return this.#end('strange', `${others.length + 1} messages`)
    return this.#judge(id, args, response.status, message)
  }

  #judge(id: number, args: object, status: number, message: Message): Outcome {
    if (message.error) return this.#judgeError(id, status, message, message.error)
    const text = message.result?.content?.[0]?.text
    const nonce = 'nonce' in args ? String(args.nonce) : undefined
    const [canary, said] = text?.split(' ') ?? []
    const isMine = message.id === id && canary === this.#parts.canary
    if (!isMine || (nonce !== undefined && said !== nonce))
      return this.#end('misrouted', `${message.id} for ${id}: ${text} for ${nonce}`)
    return this.#end('answered', '')
  }

  #judgeError(
    id: number,
    status: number,
    { id: answered }: Message,
    { code, data, message: words }: NonNullable<Message['error']>
  ): Outcome {
    if (status === 404 || code === -32001) return this.#end('lost', words)
    if (answered !== id && answered !== null)
      return this.#end('misrouted', `${answered} for ${id}: ${words}`)
    const isFault = data?.code?.startsWith('ERR_') && [200, 503].includes(status)
    return this.#end(isFault ? 'refused' : 'strange', `${status} ${data?.code} ${words}`)
  }

  #end(outcome: Outcome, detail: string): Outcome {
    this.#parts.report(outcome, `${this.#parts.era}: ${detail}`)
    return outcome
  }

  #nonce(): string {
    return Math.floor(this.#parts.random.next() * 2 ** 40).toString(36)
  }
}

/** `fetch` tells of every broken or refused connection in this way. */
const isNetwork = (error: unknown): boolean =>
  error instanceof TypeError && /fetch failed|terminated/.test(error.message)
