import { setTimeout as delay } from 'node:timers/promises'
import * as z from 'zod'
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
import { askSomething, type ChaosPerson, foreignMarks, type Question } from './chaos-mail.ts'
import { isNetwork, type Outcome, type Report } from './chaos-outcome.ts'

/** No call may stay without an end for longer: a worker that hangs is found out in half of that. */
export const DEADLINE_MS = 60_000
const PAUSE_MS = 3000
const ABORTED_IN_MS = 60

/** What a tool says when Google did not do its part, or when its process has no memory left to read HTML. */
const FAULTS_FROM_OUTSIDE: readonly unknown[] = [
  'outcome_unknown',
  'rate_limited',
  'too_large',
  'upstream_unavailable'
]
/** What it says when it broke down itself, under one of those codes. */
const FAULT_OF_OURS = /for a reason of the server/

const ToolFailure = z.object({
  isError: z.literal(true),
  structuredContent: z.object({ code: z.string() })
})

export interface ChaosClientParts {
  readonly endpoint: Endpoint
  readonly era: 'legacy' | 'modern'
  readonly person: ChaosPerson
  readonly random: Random
  readonly report: Report
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

  get person(): ChaosPerson {
    return this.#parts.person
  }

  /** Opens the session that is kept to the end, and gives its id; a modern client has none. */
  async open(): Promise<string | undefined> {
    if (this.#parts.era === 'legacy') this.#session = await openSession(this.#parts.endpoint)
    return this.#session
  }

  /** Calls until `signal` ends it, and resolves when the last call is over. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { random, person } = this.#parts
    const pending = new Set<Promise<unknown>>()
    while (!signal.aborted) {
      const leaves = random.below(20) === 0
      const question = askSomething(person, random)
      const one = this.ask(question, leaves ? random.below(ABORTED_IN_MS) : undefined)
      pending.add(one)
      void one.then(() => pending.delete(one))
      if (pending.size > 2) await Promise.race(pending)
      await delay(random.below(PAUSE_MS), undefined, { signal }).catch(() => {})
    }
    await Promise.all(pending)
  }

  /** One call, judged. `leaveAfterMs` is when the client goes away, if it does. */
  async ask(question: Question, leaveAfterMs?: number): Promise<Outcome> {
    this.#lastId += 1
    const id = this.#lastId
    const deadline = AbortSignal.timeout(DEADLINE_MS)
    const leaving = leaveAfterMs === undefined ? undefined : AbortSignal.timeout(leaveAfterMs)
    const signal = leaving ? AbortSignal.any([deadline, leaving]) : deadline
    try {
      return await this.#send(id, question, signal)
    } catch (error) {
      if (deadline.aborted) return this.#end('hung', question.tool)
      if (leaving?.aborted) return this.#end('aborted', question.tool)
      return this.#end(isNetwork(error) ? 'unreachable' : 'strange', String(error))
    }
  }

  async #send(id: number, question: Question, signal: AbortSignal): Promise<Outcome> {
    const { endpoint, era } = this.#parts
    const { tool, args } = question
    const sent =
      era === 'legacy'
        ? { body: call(tool, args, id), session: this.#session }
        : modernCall(tool, args, id)
    const response = await send(endpoint, { ...sent, signal })
    const [message, ...others] = await messagesOf(response)
    if (!message) return this.#end('silent', `${response.status}`)
    if (others.length > 0) return this.#end('strange', `${others.length + 1} messages`)
    return this.#judge(id, question, response.status, message)
  }

  #judge(id: number, question: Question, status: number, message: Message): Outcome {
    const { person } = this.#parts
    const said = JSON.stringify(message)
    if (foreignMarks(said, person, question).length > 0)
      return this.#end('misrouted', `${said} for ${JSON.stringify(question)}`)
    if (message.error) return this.#judgeError(id, status, message, message.error)
    if (message.id !== id) return this.#end('misrouted', `${message.id} for ${id}`)
    const failure = ToolFailure.safeParse(message.result)
    if (failure.success) {
      const { code } = failure.data.structuredContent
      const isExpected = FAULTS_FROM_OUTSIDE.includes(code) && !FAULT_OF_OURS.test(said)
      return this.#end(isExpected ? 'failed' : 'strange', said)
    }
    if (!question.holds.every((words) => said.includes(words)))
      return this.#end('misrouted', `${said} for ${JSON.stringify(question)}`)
    if (question.writes !== undefined) person.written.add(question.writes)
    return this.#end('answered', question.tool)
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
}
