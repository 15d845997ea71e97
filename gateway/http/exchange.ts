import { randomUUID } from 'node:crypto'
import type { FastifyReply } from 'fastify'
import type { UserId, WorkerId } from '#shared/ids.ts'
import type { Caller } from '../oauth/bearer.ts'
import type { Session } from '../sessions/session.ts'
import type { RunningWorker } from '../supervisor/supervisor.ts'

/** A JSON-RPC request inside an exchange, as its worker reported it. */
export interface ReportedCall {
  readonly rpcId: string | number | null
  readonly method: string
  readonly tool: string | undefined
}

/** One HTTP request to `/mcp` that a worker is serving. */
export interface Exchange {
  /** Travels to the worker and back in its reports. */
  readonly id: string
  readonly caller: Caller
  readonly session: Session | undefined
  readonly worker: RunningWorker
  readonly reply: FastifyReply
  /** Aborted when the client goes away or the exchange is ended from outside. */
  readonly abort: AbortController
  /** In ms since the epoch; for people. */
  readonly startedAt: number
  /** The same moment as `Clock.monotonic`; for durations. */
  readonly since: number
  readonly calls: ReportedCall[]
}

/** The exchanges in flight, by id. */
export class Exchanges {
  readonly #open = new Map<string, Exchange>()

  open(exchange: Omit<Exchange, 'id' | 'abort' | 'calls'>): Exchange {
    const opened = {
      ...exchange,
      id: randomUUID(),
      abort: new AbortController(),
      calls: []
    }
    this.#open.set(opened.id, opened)
    return opened
  }

  get(id: string): Exchange | undefined {
    return this.#open.get(id)
  }

  close(exchange: Exchange): void {
    this.#open.delete(exchange.id)
  }

  /** Notes what a worker says it serves. False when the exchange is another worker's: it is not told. */
  heard(worker: RunningWorker, id: string, call: ReportedCall): boolean {
    const exchange = this.#open.get(id)
    if (!exchange) return true // over before the report arrived
    if (exchange.worker !== worker) return false
    exchange.calls.push(call)
    return true
  }

  /** What is in flight for a session. */
  ofSession(session: Session): Exchange[] {
    return [...this.#open.values()].filter((exchange) => exchange.session === session)
  }

  /** Every one there is, the longest in flight first. */
  all(): Exchange[] {
    return [...this.#open.values()]
  }

  ofUser(userId: UserId): Exchange[] {
    return [...this.#open.values()].filter(({ caller }) => caller.userId === userId)
  }

  ofWorker(id: WorkerId): Exchange[] {
    return [...this.#open.values()].filter((exchange) => exchange.worker.id === id)
  }
}
