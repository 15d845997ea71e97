import type { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import type { Clock } from '#shared/clock.ts'
import type { SessionId, UserId, WorkerId } from '#shared/ids.ts'
import type { Access } from '../accounts/access-liveness.ts'
import type { Caller } from '../accounts/bearer-tokens.ts'
import { onResponseClose } from '../http/on-response-close.ts'
import { presetHeaders } from '../http/preset-headers.ts'
import type { Exchange } from '../relay/exchange.ts'
import { SseHeartbeat } from '../relay/sse-heartbeat.ts'
import type { Restorer } from '../sessions/restore.ts'
import type { Session } from '../sessions/session.ts'
import type { RunningWorker } from '../supervisor/supervisor.ts'
import type { StreamEnd } from '../telemetry/http-families.ts'
import type { AccessWatch } from './access-watch.ts'
import type { CallerLimits } from './caller-limits.ts'
import { type Accept, ClientStream } from './client-stream.ts'
import { discard, openSessionStream } from './open-session-stream.ts'

/** Another gateway listens already: whoever comes back at once misses least. */
const AT_ONCE_MS = 200

const ACKNOWLEDGED = '"notifications/subscriptions/acknowledged"'
/** What a worker says last on a subscription that it ends. */
const COMPLETE = '"resultType":"complete"'

/** How a stream is filled while a worker is there. */
interface Source {
  readonly kind: 'get' | 'listen'
  readonly userId: UserId
  readonly session: Session | undefined
  /** Asks the worker for the stream; undefined when it will not give one. */
  open(worker: RunningWorker): Promise<Readable | undefined>
  readonly accept: Accept
  /** Whether the stream is over when the worker ends it of its own accord. */
  readonly endsWithWorker: boolean
}

interface Parked {
  readonly stream: ClientStream
  /** Another one when the session becomes somebody's. */
  source: Source
  readonly leave: () => void
  /** Ends the watch over the access that the stream rests on. */
  unwatch: () => void
  /** The worker that is being asked to fill the stream; who is asked later wins. */
  asking: { readonly worker: WorkerId; readonly done: Promise<void> } | undefined
  /** As `Clock.monotonic`. */
  readonly since: number
  /** What ended it, when that was not its client. */
  ending: StreamEnd | undefined
}

export interface ClientStreamsParts {
  readonly clock: Clock
  readonly limits: CallerLimits
  readonly access: AccessWatch
  readonly restorer: Restorer
  /** The user's worker if there is one; never starts one. */
  readonly workerOf: (userId: UserId) => RunningWorker | undefined
  readonly opened: (kind: Source['kind']) => void
  readonly closed: (kind: Source['kind'], end: StreamEnd, seconds: number) => void
}

/**
 * The event streams that clients hold open, kept here so that a sleeping account costs no process. While
 * the account's worker lives they are bound to it; when it goes they stay, and its successor fills them.
 */
export class ClientStreams {
  readonly #parts: ClientStreamsParts
  readonly #open = new Map<UserId, Set<Parked>>()
  readonly #keepAlive: SseHeartbeat

  constructor(parts: ClientStreamsParts) {
    this.#parts = parts
    this.#keepAlive = new SseHeartbeat(parts.clock)
  }

  /**
   * Parks the GET stream of a legacy session. The newest stream of a session wins: an older one ends, and
   * gives its place up. Throws ERR_TOO_MANY_STREAMS.
   */
  async openSession(
    session: Session,
    id: SessionId,
    caller: Caller,
    reply: FastifyReply
  ): Promise<void> {
    this.endSession(session, 'replaced')
    const leave = this.enter(caller.userId)
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
    const parked = this.#park(reply, leave, caller, { 'mcp-session-id': id }, source)
    parked.stream.comeBackIn()
    await this.#bind(parked)
  }

  /** Its client calls with a newer token: the session's stream rests on that one from now on. */
  renew(session: Session, access: Access): void {
    if (session.streams === 0) return
    for (const parked of this.#of(session.userId)) {
      if (parked.source.session !== session) continue
      parked.unwatch()
      parked.unwatch = this.#parts.access.add(access, () => this.#end(parked, 'account'))
    }
  }

  /** The session is another user's than `before` from now on: its stream waits for that user's worker. */
  adopt(session: Session, before: UserId): void {
    for (const parked of this.#of(before)) {
      if (parked.source.session !== session) continue
      this.#unlist(parked)
      parked.asking = undefined
      parked.stream.unbind()
      parked.source = { ...parked.source, userId: session.userId }
      this.#list(parked)
    }
  }

  /** Counts a stream in before its worker is asked for it. Throws ERR_TOO_MANY_STREAMS. */
  enter(userId: UserId): () => void {
    return this.#parts.limits.enterStream(userId)
  }

  /**
   * Parks a `subscriptions/listen` stream (MCP 2026-07-28) that `enter` has counted in. `first` is what a
   * worker answered, if one was there already; `again` sends the same request to a later worker, and says
   * whether the client has seen the one acknowledgement that it gets.
   */
  async openListen(
    { caller, reply }: Pick<Exchange, 'caller' | 'reply'>,
    leave: () => void,
    first: { readonly from: Readable; readonly worker: RunningWorker } | undefined,
    again: (worker: RunningWorker, isAcknowledged: boolean) => Promise<Readable | undefined>
  ): Promise<void> {
    const { userId } = caller
    let isAcknowledged = false
    const parked = this.#park(
      reply,
      leave,
      caller,
      {},
      {
        kind: 'listen',
        userId,
        session: undefined,
        endsWithWorker: true,
        accept(event, stays) {
          if (!event.includes(ACKNOWLEDGED)) return stays || !event.includes(COMPLETE)
          const isNews = !isAcknowledged
          isAcknowledged = true
          return isNews
        },
        open: (worker) => again(worker, isAcknowledged)
      }
    )
    if (first && this.#parts.workerOf(userId) === first.worker) {
      this.#fill(parked, first.from)
      return
    }
    if (first) discard(first.from) // that worker is about to go
    await this.#bind(parked)
  }

  /** Whose streams are open here. */
  users(): UserId[] {
    return [...this.#open.keys()]
  }

  /**
   * Another gateway serves this user now: ends the streams so that their clients open them there. Connections
   * stay open: a client may be about to send a call on one, and is told to open another by its answer.
   */
  handOver(userId: UserId): void {
    for (const parked of this.#of(userId)) {
      if (parked.source.kind === 'get') parked.stream.comeBackIn(AT_ONCE_MS)
      this.#end(parked, 'hand_over')
    }
  }

  hasStreams(userId: UserId): boolean {
    return this.#open.has(userId)
  }

  /**
   * Fills the streams of this user from the worker that is there. Resolves when all of them are bound: what
   * the worker does from then on is heard. Costs nothing when they are bound already. Never rejects.
   */
  async bind(userId: UserId): Promise<void> {
    await Promise.all(this.#of(userId).map((parked) => this.#bind(parked)))
  }

  /** The worker of this user is about to go, and ends its part of the streams after its last words. */
  letGo(userId: UserId): void {
    for (const parked of this.#of(userId)) {
      parked.asking = undefined
      parked.stream.letGo()
    }
  }

  /** Ends the stream of a session, if there is one. */
  endSession(session: Session, why: StreamEnd = 'session'): void {
    for (const parked of this.#of(session.userId))
      if (parked.source.session === session) this.#end(parked, why)
  }

  /** Ends every stream of this user. */
  endUser(userId: UserId): void {
    for (const parked of this.#of(userId)) this.#end(parked, 'account')
  }

  /** Ends every stream. May be called more than once. */
  close(): void {
    this.#keepAlive.close()
    for (const userId of [...this.#open.keys()])
      for (const parked of this.#of(userId)) this.#end(parked, 'shutdown')
  }

  #of(userId: UserId): Parked[] {
    return [...(this.#open.get(userId) ?? [])]
  }

  #park(
    reply: FastifyReply,
    leave: () => void,
    access: Access,
    headers: Record<string, string>,
    source: Source
  ): Parked {
    reply.hijack()
    const stream = new ClientStream(reply.raw, { ...presetHeaders(reply), ...headers })
    const fallSilent = this.#keepAlive.add(stream)
    const parked: Parked = {
      stream,
      source,
      leave() {
        fallSilent()
        leave()
      },
      unwatch: this.#parts.access.add(access, () => this.#end(parked, 'account')),
      asking: undefined,
      since: this.#parts.clock.monotonic(),
      ending: undefined
    }
    this.#list(parked)
    if (source.session) source.session.streams += 1
    this.#parts.opened(source.kind)
    onResponseClose(reply, () => this.#forget(parked))
    return parked
  }

  #end(parked: Parked, why: StreamEnd): void {
    parked.ending ??= why
    parked.stream.end()
    this.#forget(parked)
  }

  /** Does nothing the second time. */
  #forget(parked: Parked): void {
    const { stream, source, leave } = parked
    if (!this.#unlist(parked)) return
    parked.asking = undefined
    parked.unwatch()
    stream.unbind()
    if (source.session) source.session.streams -= 1
    const end = parked.ending ?? (stream.isTooSlow ? 'slow' : 'client')
    const seconds = (this.#parts.clock.monotonic() - parked.since) / 1000
    this.#parts.closed(source.kind, end, seconds)
    leave()
  }

  #list(parked: Parked): void {
    const { userId } = parked.source
    this.#open.set(userId, (this.#open.get(userId) ?? new Set()).add(parked))
  }

  /** False when it was not in the list. */
  #unlist(parked: Parked): boolean {
    const { userId } = parked.source
    const all = this.#open.get(userId)
    if (!all?.delete(parked)) return false
    if (all.size === 0) this.#open.delete(userId)
    return true
  }

  async #bind(parked: Parked): Promise<void> {
    const worker = this.#parts.workerOf(parked.source.userId)
    if (!worker || parked.stream.isBound) return
    if (parked.asking?.worker !== worker.id)
      parked.asking = { worker: worker.id, done: this.#ask(parked, worker) }
    await parked.asking.done
  }

  async #ask(parked: Parked, worker: RunningWorker): Promise<void> {
    const from = await parked.source.open(worker).catch(() => undefined) // it waits for the next worker
    if (parked.asking?.worker !== worker.id) {
      if (from) discard(from) // the stream is over, or another worker fills it
      return
    }
    parked.asking = undefined
    if (from) this.#fill(parked, from)
  }

  #fill(parked: Parked, from: Readable): void {
    const { stream, source } = parked
    if (!this.#open.get(source.userId)?.has(parked)) {
      discard(from)
      return
    }
    void stream.bind(from, source.accept).then((ended) => {
      if (ended && source.endsWithWorker) this.#end(parked, 'worker')
    })
  }
}
