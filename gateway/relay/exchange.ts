import { randomUUID } from 'node:crypto'
import type { FastifyReply } from 'fastify'
import type { SessionId, UserId, WorkerId } from '#shared/ids.ts'
import type { RpcCall } from '#shared/rpc-calls.ts'
import type { Caller } from '../accounts/bearer-tokens.ts'
import type { Session } from '../sessions/session.ts'
import type { RunningWorker } from '../supervisor/supervisor.ts'
import type { ResumableAnswer } from './resumable-answer.ts'

/** A JSON-RPC request inside an exchange. */
export interface ReportedCall {
  readonly rpcId: string | number | null
  readonly method: string
  readonly tool: string | undefined
  /** Its worker has said how it ended. */
  isEnded: boolean
  /** And that it failed. */
  isFailed: boolean
}

/** One HTTP request to `/mcp` that a worker is serving. */
export interface Exchange {
  /** Travels to the worker and back in its reports. */
  readonly id: string
  /** As its client, the log and the audit call the request; a client may choose it, so it is no key. */
  readonly requestId: string
  readonly caller: Caller
  readonly session: Session | undefined
  readonly worker: RunningWorker
  /** Under which id that worker knows the session, when it is that of another mailbox. */
  readonly guestId?: SessionId | undefined
  readonly reply: FastifyReply
  /** Aborted when the client goes away or the exchange is ended from outside. */
  readonly abort: AbortController
  /** In ms since the epoch; for people. */
  readonly startedAt: number
  /** The same moment as `Clock.monotonic`; for durations. */
  readonly since: number
  /** Its worker tells of each call's end, not only of what went wrong. */
  readonly isTraced: boolean
  /** What is in its body was read here. Else its worker tells of each call when it begins with it. */
  readonly isRead: boolean
  readonly calls: ReportedCall[]
  /** JSON-RPC messages in its body. */
  readonly mostCalls: number
  /** Set when its answer has begun and its client may come back for it. */
  kept?: ResumableAnswer | undefined
}

type NewExchange = Omit<Exchange, 'id' | 'abort' | 'isRead' | 'calls' | 'kept'> & {
  /** What was read in the body; undefined when that is its worker's to tell. */
  readonly read: readonly RpcCall[] | undefined
}

/** The exchanges in flight, by id. */
export class Exchanges {
  readonly #open = new Map<string, Exchange>()

  open({ read, ...exchange }: NewExchange): Exchange {
    const opened = {
      ...exchange,
      id: randomUUID(),
      abort: new AbortController(),
      isRead: read !== undefined,
      calls: read?.map(begun) ?? []
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

  /** Notes what a worker says it serves. False for more than the body held: that is not noted. */
  heard(
    { calls, mostCalls }: Exchange,
    call: Pick<ReportedCall, 'rpcId' | 'method' | 'tool'>
  ): boolean {
    if (calls.length >= mostCalls) return false
    calls.push(begun(call))
    return true
  }

  /** Whether another call in flight of a session has this JSON-RPC id. */
  isTaken(session: Session, rpcId: ReportedCall['rpcId']): boolean {
    return this.ofSession(session).some(({ calls }) => calls.some((call) => call.rpcId === rpcId))
  }

  /**
   * The call that has come to its end, which is noted, and its exchange. Undefined for one that is over, was told of
   * before, or never was.
   */
  ended(
    id: string,
    { tool, isFailed }: { readonly tool: string | undefined; readonly isFailed: boolean }
  ): { readonly exchange: Exchange; readonly call: ReportedCall } | undefined {
    const exchange = this.#open.get(id)
    if (!exchange) return undefined
    const open = exchange.calls.filter(({ isEnded }) => !isEnded)
    const call = tool === undefined ? open[0] : open.find((one) => one.tool === tool)
    if (!call) return undefined
    call.isEnded = true
    call.isFailed = isFailed
    return { exchange, call }
  }

  /** Since when, as `Clock.monotonic`, the one is in flight that is so longest; a stream is none. */
  oldestSince(): number | undefined {
    for (const { since } of this.#open.values()) return since // in the order in which they were opened
    return undefined
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

const begun = (call: Pick<ReportedCall, 'rpcId' | 'method' | 'tool'>): ReportedCall => ({
  ...call,
  isEnded: false,
  isFailed: false
})
