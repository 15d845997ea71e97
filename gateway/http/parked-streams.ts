import type { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import type { Clock } from '#shared/clock.ts'
import type { SessionId, UserId, WorkerId } from '#shared/ids.ts'
import type { Caller } from '../oauth/bearer.ts'
import type { Restorer } from '../sessions/restore.ts'
import type { Session } from '../sessions/session.ts'
import type { RunningWorker } from '../supervisor/supervisor.ts'
import type { CallerLimits } from './caller-limits.ts'
import type { Exchange } from './exchange.ts'
import { ParkedStream } from './parked-stream.ts'
import { whenClosed } from './when-closed.ts'
import { discard, openSessionStream } from './worker-streams.ts'

/** Proxies and clients take a stream for dead after a minute or less of silence. */
const KEEP_ALIVE_MS = 15_000

const ACKNOWLEDGED = '"notifications/subscriptions/acknowledged"'

/** How a stream is filled while a worker is there. */
interface Source {
  readonly kind: 'get' | 'listen'
  readonly userId: UserId
  readonly session: Session | undefined
  /** Asks the worker for the stream; undefined when it will not give one. */
  open(worker: RunningWorker): Promise<Readable | undefined>
  /** Whether the client should see this event. */
  accept(event: string): boolean
  /** Whether the stream is over when the worker ends it of its own accord. */
  readonly endsWithWorker: boolean
}

export interface ParkedStreamsParts {
  readonly clock: Clock
  readonly limits: CallerLimits
  readonly restorer: Restorer
  /** The user's worker if there is one; never starts one. */
  readonly workerOf: (userId: UserId) => RunningWorker | undefined
  readonly opened: (kind: Source['kind']) => void
  readonly closed: (kind: Source['kind']) => void
}

/**
 * The event streams that clients hold open, kept here so that a sleeping account costs no process. While
 * the account's worker lives they are bound to it; when it goes they stay, and its successor fills them.
 */
export class ParkedStreams {
  readonly #parts: ParkedStreamsParts
  readonly #open = new Map<ParkedStream, Source>()
  /** Which worker is being asked to fill a stream; whoever asks later wins. */
  readonly #asking = new Map<ParkedStream, WorkerId>()
  #disarm: () => void

  constructor(parts: ParkedStreamsParts) {
    this.#parts = parts
    this.#disarm = this.#arm()
  }

  /** Parks the GET stream of a legacy session. The newest stream of a session wins: an older one ends. */
  async openSession(
    session: Session,
    id: SessionId,
    caller: Caller,
    reply: FastifyReply
  ): Promise<void> {
    const leave = this.#parts.limits.enterStream(caller.userId)
    this.endSession(session)
    const source: Source = {
      kind: 'get',
      userId: caller.userId,
      session,
      endsWithWorker: false,
      accept: () => true,
      open: async (worker) => {
        await this.#parts.restorer.ensure(session, id, worker)
        return openSessionStream(worker, caller, id)
      }
    }
    const stream = this.#park(reply, leave, { 'mcp-session-id': id }, source)
    await this.#bind(stream, source)
  }

  /** Counts a stream in before its worker is asked for it. Throws ERR_TOO_MANY_STREAMS. */
  enter(userId: UserId): () => void {
    return this.#parts.limits.enterStream(userId)
  }

  /**
   * Parks a `subscriptions/listen` stream (MCP 2026-07-28) that `enter` has counted in. `first` is what the
   * worker answered; `again` sends the same request to a later worker. The client sees one acknowledgement.
   */
  async openListen(
    { caller, reply, worker }: Pick<Exchange, 'caller' | 'reply' | 'worker'>,
    leave: () => void,
    first: Readable,
    again: (worker: RunningWorker) => Promise<Readable | undefined>
  ): Promise<void> {
    const { userId } = caller
    let isAcknowledged = false
    const source: Source = {
      kind: 'listen',
      userId,
      session: undefined,
      endsWithWorker: true,
      accept(event) {
        if (!event.includes(ACKNOWLEDGED)) return true
        const isNews = !isAcknowledged
        isAcknowledged = true
        return isNews
      },
      open: again
    }
    const stream = this.#park(reply, leave, {}, source)
    if (this.#parts.workerOf(userId) === worker) {
      this.#fill(stream, source, first)
      return
    }
    discard(first) // that worker is about to go
    await this.#bind(stream, source)
  }

  /** How many streams a session has open: 0 or 1. */
  countOf(session: Session): number {
    return [...this.#open.values()].filter((source) => source.session === session).length
  }

  hasStreams(userId: UserId): boolean {
    return [...this.#open.values()].some((source) => source.userId === userId)
  }

  /** A worker of this user is there: fill the streams from it. Resolves when all of them are bound. */
  async bind(userId: UserId): Promise<void> {
    const mine = [...this.#open].filter(([, source]) => source.userId === userId)
    await Promise.all(mine.map(([stream, source]) => this.#bind(stream, source)))
  }

  /** The worker of this user is about to go: let it, so that open streams do not hold it back. */
  unbind(userId: UserId): void {
    for (const [stream, source] of this.#open) {
      if (source.userId !== userId) continue
      this.#asking.delete(stream)
      stream.unbind()
    }
  }

  /** Ends the stream of a session, if there is one. */
  endSession(session: Session): void {
    for (const [stream, source] of this.#open) if (source.session === session) stream.end()
  }

  /** Ends every stream. May be called more than once. */
  close(): void {
    this.#disarm()
    for (const stream of this.#open.keys()) stream.end()
  }

  #park(
    reply: FastifyReply,
    leave: () => void,
    headers: Record<string, string>,
    source: Source
  ): ParkedStream {
    reply.hijack()
    const stream = new ParkedStream(reply.raw, headers)
    this.#open.set(stream, source)
    this.#parts.opened(source.kind)
    whenClosed(reply, () => {
      stream.unbind()
      this.#open.delete(stream)
      this.#asking.delete(stream)
      this.#parts.closed(source.kind)
      leave()
    })
    return stream
  }

  async #bind(stream: ParkedStream, source: Source): Promise<void> {
    const worker = this.#parts.workerOf(source.userId)
    if (!worker || stream.isBound || this.#asking.get(stream) === worker.id) return
    this.#asking.set(stream, worker.id)
    const from = await source.open(worker).catch(() => undefined) // it stays parked for the next worker
    if (this.#asking.get(stream) !== worker.id) {
      if (from) discard(from) // the stream is over, or another worker fills it
      return
    }
    this.#asking.delete(stream)
    if (from) this.#fill(stream, source, from)
  }

  #fill(stream: ParkedStream, source: Source, from: Readable): void {
    if (!this.#open.has(stream)) {
      discard(from)
      return
    }
    void stream.bind(from, source.accept).then((ended) => {
      if (ended && source.endsWithWorker) stream.end()
    })
  }

  #arm(): () => void {
    return this.#parts.clock.after(KEEP_ALIVE_MS, () => {
      for (const stream of this.#open.keys()) stream.keepAlive()
      this.#disarm = this.#arm()
    })
  }
}
