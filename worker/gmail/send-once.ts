import { createHash } from 'node:crypto'
import type { Clock } from '#shared/clock.ts'
import type { SendAnswer } from '#shared/send-ledger.ts'
import { ToolError } from '#shared/tool-error.ts'
import { createOrFind, isInDoubt, lookFor, toolError } from './create-once.ts'

/** What Gmail made of a message or draft, by its ids. */
export interface Made {
  readonly id: string
  readonly threadId: string
}

/** A message that goes out once, or a draft that is saved once. */
export interface Deed {
  /** What makes two of them the same. */
  readonly key: string
  /** A hash of everything that is sent. */
  readonly content: string
  /** How long a repetition is recognised once it was done. */
  readonly windowMs: number
  /** How long it is known that it was tried, when nobody knows what came of it. */
  readonly doubtMs: number
  /** The Message-ID of a first try, by which it can be found. */
  readonly messageId: string
  /** Asks Gmail once, under this Message-ID. Throws `outcome_unknown` when it did not say what became of that. */
  make(messageId: string): Promise<Made>
  /** What was made under this Message-ID, if it is there. */
  find(messageId: string): Promise<Made | undefined>
  /** Whether what was made is still as it was; absent: what was done cannot be undone. */
  stands?(made: Made): Promise<boolean>
  /** What the client is told when nobody knows. */
  unknown(messageId: string): string
}

/** What became of a deed; `duplicate`: it had been done before, nothing was done now. */
export type Done = Made & { readonly messageId: string; readonly duplicate: boolean }

/** Where deeds are remembered for as long as they matter, whichever process did them. */
export interface SendLedger {
  begin(
    send: Pick<Deed, 'key' | 'content' | 'messageId' | 'windowMs' | 'doubtMs'>
  ): Promise<SendAnswer>
  /** What is known, without beginning anything. */
  look(key: string): Promise<SendAnswer>
  end(
    key: string,
    outcome:
      | { state: 'sent'; id: string; threadId: string }
      | { state: 'unknown' | 'failed' | 'gone' }
  ): Promise<void>
}

/** A deed that is under way in this process. */
interface Entry {
  readonly content: string
  readonly done: Promise<Done>
}

/** A try in doubt is looked for again for a while when it is younger; later Gmail has shown it, or it never came. */
const LOOKED_FOR_MS = 15 * 60_000

/**
 * Sends each message once, and saves each draft once. A repetition within the window gets the first one's result; one
 * whose outcome is unknown is looked for by its Message-ID before it is ever repeated, also when the process that tried
 * it is gone.
 */
export class SendOnce {
  readonly #clock: Clock
  readonly #ledger: SendLedger
  readonly #underWay = new Map<string, Entry>()

  constructor(clock: Clock, ledger: SendLedger) {
    this.#clock = clock
    this.#ledger = ledger
  }

  /**
   * Throws `outcome_unknown` when nobody can say whether it was done, and `upstream_unavailable` when it cannot be
   * noted, so that nothing was done.
   */
  async once(deed: Deed, signal: AbortSignal): Promise<Done> {
    const named = { key: hash(deed.key), content: hash(deed.content) }
    const other = this.#underWay.get(named.key)
    if (other) {
      if (other.content !== named.content) throw otherMessage()
      const done = await other.done.catch(unlessCancelled)
      return done ? { ...done, duplicate: true } : this.once(deed, signal)
    }
    const done = this.#begin({ ...deed, ...named }, signal)
    this.#underWay.set(named.key, { content: named.content, done })
    try {
      return await done
    } finally {
      this.#underWay.delete(named.key)
    }
  }

  /**
   * What was done under this key, if it is known to have been: for what can be asked for no more. Throws
   * `outcome_unknown` when it was tried and is not found.
   */
  async look(
    { key, find, unknown }: Pick<Deed, 'key' | 'find' | 'unknown'>,
    signal: AbortSignal
  ): Promise<(Made & { readonly messageId: string }) | undefined> {
    const hashed = hash(key)
    const underWay = await this.#underWay.get(hashed)?.done.catch(unlessCancelled)
    if (underWay) return underWay
    const known = await this.#ledger.look(hashed)
    if (known.state === 'sent') return known
    if (known.state === 'unavailable') throw unavailable('so what became of it is not known')
    if (known.state !== 'doubtful') return undefined
    const { messageId } = known
    const found = await lookFor(() => find(messageId), this.#clock, signal).catch(toolError)
    if (!found || found instanceof ToolError)
      throw new ToolError('outcome_unknown', unknown(messageId), { cause: found })
    await this.#ledger.end(hashed, { state: 'sent', id: found.id, threadId: found.threadId })
    return { ...found, messageId }
  }

  async #begin(deed: Deed, signal: AbortSignal): Promise<Done> {
    const { key, content, messageId, windowMs, doubtMs } = deed
    const known = await this.#ledger.begin({ key, content, messageId, windowMs, doubtMs })
    switch (known.state) {
      case 'new':
        return this.#noted(key, messageId, 'failed', () =>
          this.#makeOrFind(deed, messageId, signal)
        )
      case 'doubtful':
        // Whatever comes of this try, the first one may have been done.
        return this.#noted(key, known.messageId, 'unknown', () =>
          this.#findOrMake(deed, known, signal)
        )
      case 'sent': {
        if (deed.stands && !(await deed.stands(known))) {
          await this.#ledger.end(key, { state: 'gone' })
          return this.#begin(deed, signal)
        }
        const { id, threadId } = known
        return { id, threadId, messageId: known.messageId, duplicate: true }
      }
      case 'other':
        throw otherMessage()
      default:
        throw unavailable('so nothing was sent')
    }
  }

  /** Tells the ledger how it ended. What it does not hear of is doubtful to it, which is safe. */
  async #noted(
    key: string,
    messageId: string,
    refused: 'failed' | 'unknown',
    act: () => Promise<Made>
  ): Promise<Done> {
    try {
      const { id, threadId } = await act()
      await this.#ledger.end(key, { state: 'sent', id, threadId })
      return { id, threadId, messageId, duplicate: false }
    } catch (error) {
      const isCertain = error instanceof ToolError && !isInDoubt(error)
      await this.#ledger.end(key, { state: isCertain ? refused : 'unknown' })
      throw error
    }
  }

  /** How an earlier try ended is unknown: it may have been done, or be done yet. */
  async #findOrMake(
    deed: Deed,
    { messageId, ageMs }: Extract<SendAnswer, { state: 'doubtful' }>,
    signal: AbortSignal
  ): Promise<Made> {
    const find = () => deed.find(messageId)
    const looked = ageMs < LOOKED_FOR_MS ? lookFor(find, this.#clock, signal) : find()
    const earlier = await looked.catch(toolError)
    // Nobody could look: to send now might be to send twice.
    if (earlier instanceof ToolError)
      throw new ToolError('outcome_unknown', deed.unknown(messageId), { cause: earlier })
    return earlier ?? this.#makeOrFind(deed, messageId, signal)
  }

  #makeOrFind({ make, find, unknown }: Deed, messageId: string, signal: AbortSignal) {
    return createOrFind(
      {
        make: () => make(messageId),
        find: () => find(messageId),
        unknown: unknown(messageId)
      },
      this.#clock,
      signal
    )
  }
}

/** Undefined when the call that was sending has been cancelled, which is nobody else's failure. */
function unlessCancelled(error: unknown): undefined {
  if (error instanceof ToolError) throw error
}

const otherMessage = (): ToolError =>
  new ToolError('invalid_argument', 'This idempotencyKey was used for another message.')

const unavailable = (therefore: string): ToolError =>
  new ToolError(
    'upstream_unavailable',
    `The server cannot note what it sends now, ${therefore}; try again.`,
    { retryAfterMs: 5000 }
  )

const hash = (text: string): string => createHash('sha256').update(text).digest('hex')
