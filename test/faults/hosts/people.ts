import { setTimeout as delay } from 'node:timers/promises'
import type { Random } from '../../../ops/sandbox/random.ts'
import type { Endpoint } from '../../helpers/mcp-http.ts'
import { ChaosClient } from '../chaos-client.ts'
import { askSomething, type ChaosPerson } from '../chaos-mail.ts'
import type { Outcome, Report } from '../chaos-outcome.ts'

/** Whoever is not told what became of a mail sends it again, so often. */
const REPEATS = 3
const UNTOLD: readonly Outcome[] = ['failed', 'refused', 'unreachable']

export interface HostClientParts {
  readonly urls: readonly string[]
  readonly token: string
  readonly era: 'legacy' | 'modern'
  readonly person: ChaosPerson
  readonly random: Random
  readonly report: Report
  readonly pauseMs: number
}

/** Any of the gateways, another one with each look at it, as a load balancer without stickiness has it. */
export const anyOf = (urls: readonly string[], token: string, random: Random): Endpoint => ({
  token,
  get url() {
    return urls[random.below(urls.length)] ?? ''
  }
})

/** A client of one person whose calls go to any of the gateways, one after the other. */
export class HostClient {
  readonly #parts: HostClientParts
  readonly #client: ChaosClient

  constructor(parts: HostClientParts) {
    this.#parts = parts
    const { urls, token, random } = parts
    this.#client = new ChaosClient({ ...parts, endpoint: anyOf(urls, token, random) })
  }

  get person(): ChaosPerson {
    return this.#parts.person
  }

  open(): Promise<string | undefined> {
    return this.#client.open()
  }

  ask: ChaosClient['ask'] = (...call) => this.#client.ask(...call)

  /** Calls until `signal` ends it; resolves when the last call is over. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { random, person, pauseMs } = this.#parts
    while (!signal.aborted) {
      const question = askSomething(person, random)
      let outcome = await this.#client.ask(question)
      const isMail = question.tool === 'send_email'
      for (let n = 0; isMail && n < REPEATS && UNTOLD.includes(outcome); n += 1) {
        await delay(random.below(1000))
        outcome = await this.#client.ask(question)
      }
      await delay(random.below(pauseMs), undefined, { signal }).catch(() => {})
    }
  }
}
