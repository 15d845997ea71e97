import { setTimeout as delay } from 'node:timers/promises'
import type { Random } from '../../ops/sandbox/random.ts'
import {
  type Endpoint,
  events,
  type Message,
  messagesOf,
  modern,
  send
} from '../helpers/mcp-http.ts'
import { DEADLINE_MS } from './chaos-client.ts'
import { type ChaosPerson, foreignMarks } from './chaos-mail.ts'
import { isNetwork, type Report } from './chaos-outcome.ts'

const OPEN_MS = 15_000
const PAUSE_MS = 1000
const ACKNOWLEDGED = 'notifications/subscriptions/acknowledged'
const SUBSCRIPTION = 'subscription'
const subscribe = modern(
  'subscriptions/listen',
  { notifications: { toolsListChanged: true } },
  SUBSCRIPTION
)

export interface ChaosStreamParts {
  readonly endpoint: Endpoint
  /** Of a legacy client; a modern one has none. */
  readonly session: string | undefined
  readonly person: ChaosPerson
  readonly random: Random
  readonly report: Report
}

/**
 * The GET stream of a legacy session or the subscription of a modern client: held open, closed at will, and opened
 * again whoever closed it.
 */
export class ChaosStream {
  readonly #parts: ChaosStreamParts

  constructor(parts: ChaosStreamParts) {
    this.#parts = parts
  }

  /** Until `signal` ends it. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { random } = this.#parts
    while (!signal.aborted) {
      const enough = AbortSignal.timeout(random.below(OPEN_MS))
      await this.#listen(AbortSignal.any([signal, enough]))
      await delay(random.below(PAUSE_MS), undefined, { signal }).catch(() => {})
    }
  }

  /** Whether it can be opened now. */
  async opens(): Promise<boolean> {
    const leaving = new AbortController()
    const signal = AbortSignal.any([leaving.signal, AbortSignal.timeout(DEADLINE_MS)])
    const status = await this.#open(signal).then(
      ({ status }) => status,
      () => undefined
    )
    leaving.abort()
    return status === 200
  }

  get #kind(): string {
    return this.#parts.session === undefined ? 'listen' : 'GET'
  }

  #open(signal: AbortSignal): Promise<Response> {
    const { endpoint, session } = this.#parts
    if (session === undefined) return send(endpoint, { ...subscribe, signal })
    const headers = { accept: 'text/event-stream' }
    return send(endpoint, { method: 'GET', session, headers, signal })
  }

  async #listen(signal: AbortSignal): Promise<void> {
    const { report } = this.#parts
    const late = AbortSignal.timeout(DEADLINE_MS)
    try {
      const response = await this.#open(AbortSignal.any([signal, late]))
      if (response.status !== 200) return await this.#refused(response)
      await this.#hear(response)
      report('listened', 'the gateway ended it')
    } catch (error) {
      if (signal.aborted) report('listened', 'the client ended it')
      else if (late.aborted) report('hung', this.#kind)
      else report(isNetwork(error) ? 'unreachable' : 'strange', `${this.#kind}: ${String(error)}`)
    }
  }

  /** Every message is judged; a subscription is acknowledged once, whoever serves it later. */
  async #hear(response: Response): Promise<void> {
    let isAcknowledged = this.#parts.session !== undefined
    for await (const message of events(response)) {
      this.#judge(message)
      if (message.method !== ACKNOWLEDGED) continue
      if (isAcknowledged) this.#parts.report('strange', `${this.#kind}: acknowledged again`)
      isAcknowledged = true
    }
  }

  async #refused(response: Response): Promise<void> {
    const [message] = await messagesOf(response)
    const outcome =
      response.status === 404 ? 'lost' : response.status === 503 ? 'refused' : 'strange'
    this.#parts.report(outcome, `${this.#kind}: ${response.status} ${message?.error?.data?.code}`)
  }

  /** Only what a server may say unasked comes here, and only to this person. */
  #judge(message: Message): void {
    const { person, report } = this.#parts
    const said = JSON.stringify(message)
    const isRefused = message.error !== undefined && message.id === SUBSCRIPTION
    if (isRefused && this.#parts.session === undefined) {
      report('refused', `${this.#kind}: ${message.error?.data?.code}`) // by a gateway that leaves
      return
    }
    const isNews = message.method !== undefined && message.id === undefined
    if (!isNews || foreignMarks(said, person, { holds: [] }).length > 0)
      report('misrouted', `${this.#kind}: ${said}`)
  }
}
