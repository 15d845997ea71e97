import type { Clock } from '#shared/clock.ts'
import type { UserId } from '#shared/ids.ts'
import { writeCallEventId } from './call-event-id.ts'
import type { Exchange } from './exchange.ts'
import { ResumableAnswer } from './resumable-answer.ts'

/** A client comes back within a second or two, or its network is away for a while. */
const KEPT_MS = 60_000
const SWEEP_MS = 10_000
/** Bytes that wait for clients who have left: of one person, and of all. */
const MOST_BYTES = { ofOne: 2 * 2 ** 20, inAll: 16 * 2 ** 20 }
/** Calls that are remembered, with or without an answer. */
const MOST_CALLS = 20_000
/** Older clients take an event without data for a message that is broken; in younger revisions no stream comes back. */
const PRIMED_REVISION = '2025-11-25'

interface Entry {
  readonly userId: UserId
  readonly answer: ResumableAnswer
  /** As `Clock.monotonic`. */
  overAt: number | undefined
}

/** The calls whose clients may come back for the answer (MCP 2025-11-25, Streamable HTTP, "Resumability and Redelivery"). */
export class ResumableAnswers {
  /** This gateway's tag. */
  readonly node: string
  readonly #clock: Clock
  /** By `Exchange.id`, in the order in which they began. */
  readonly #entries = new Map<string, Entry>()
  #disarm: (() => void) | undefined

  constructor(clock: Clock, node: string) {
    this.#clock = clock
    this.node = node
  }

  /** Begins to keep what the exchange's stream says; undefined where its client could not come back for it. */
  begin(exchange: Exchange): ResumableAnswer | undefined {
    const { session, calls, mostCalls, id, caller, reply } = exchange
    const [call, ...others] = calls
    if (!session || mostCalls !== 1 || !call || call.rpcId === null || others.length > 0)
      return undefined
    if (!mayComeBack(reply.request.headers)) return undefined
    const eventId = writeCallEventId({ exchange: id, node: this.node, rpcId: call.rpcId })
    if (eventId === undefined) return undefined
    const answer = new ResumableAnswer(exchange, eventId, session.hash, this.#clock)
    const entry: Entry = { userId: caller.userId, answer, overAt: undefined }
    this.#entries.set(id, entry)
    answer.whenOver(() => {
      entry.overAt = this.#clock.monotonic()
      this.#makeRoom(entry.userId)
    })
    if (this.#entries.size > MOST_CALLS) this.#forgetOldest()
    this.#arm()
    return answer
  }

  /** What this session's call of that exchange has come to; undefined when it is not known here. */
  find(exchange: string, session: { readonly hash: string }): ResumableAnswer | undefined {
    const answer = this.#entries.get(exchange)?.answer
    return answer?.isOf(session) ? answer : undefined
  }

  /** May be called more than once. */
  close(): void {
    this.#disarm?.()
    this.#disarm = undefined
    this.#entries.clear()
  }

  #makeRoom(userId: UserId): void {
    const over = [...this.#entries.values()].filter(
      ({ overAt, answer }) => overAt !== undefined && answer.bytes > 0
    )
    dropDownTo(
      MOST_BYTES.ofOne,
      over.filter((entry) => entry.userId === userId)
    )
    dropDownTo(MOST_BYTES.inAll, over)
  }

  #forgetOldest(): void {
    for (const [id, { answer }] of this.#entries) {
      if (!answer.isOver) continue
      this.#entries.delete(id)
      return
    }
  }

  #arm(): void {
    this.#disarm ??= this.#clock.after(SWEEP_MS, () => {
      this.#disarm = undefined
      const before = this.#clock.monotonic() - KEPT_MS
      for (const [id, { overAt }] of this.#entries)
        if (overAt !== undefined && overAt < before) this.#entries.delete(id)
      if (this.#entries.size > 0) this.#arm()
    })
  }
}

/** The oldest first. */
function dropDownTo(most: number, entries: readonly Entry[]): void {
  let bytes = entries.reduce((sum, { answer }) => sum + answer.bytes, 0)
  for (const { answer } of entries) {
    if (bytes <= most) return
    bytes -= answer.bytes
    answer.drop()
  }
}

const mayComeBack = (headers: Exchange['reply']['request']['headers']): boolean =>
  headers['mcp-protocol-version'] === PRIMED_REVISION
