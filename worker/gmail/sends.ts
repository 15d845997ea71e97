import { createHash } from 'node:crypto'
import type { Clock } from '#shared/clock.ts'
import type { SendAnswer } from '#shared/send-ledger.ts'
import { ToolError } from '../tool-error.ts'
import { findByMessageId } from './message-id.ts'
import type { Mailbox } from './methods.ts'
import { sleep } from './sleep.ts'

/** What Gmail made of a message. */
export interface Sent {
  readonly id: string
  readonly threadId: string
  readonly labelIds: readonly string[]
}

/** What makes two sends the same. */
export interface SendKey {
  readonly key: string
  /** A hash of everything that is sent. */
  readonly content: string
  /** How long a repetition is recognised. */
  readonly windowMs: number
}

/** Where sends are remembered for as long as they matter, whichever process made them. */
export interface SendLedger {
  begin(send: {
    readonly key: string
    readonly content: string
    readonly messageId: string
    readonly windowMs: number
  }): Promise<SendAnswer>
  end(
    key: string,
    outcome: { state: 'sent'; id: string; threadId: string } | { state: 'unknown' | 'failed' }
  ): Promise<void>
}

/** A send that is under way in this process. */
interface Entry {
  readonly content: string
  readonly messageId: string
  readonly sent: Promise<Sent & { messageId: string; duplicate: boolean }>
}

/** Gmail's search shows a sent message after a moment. */
const LOOK_AFTER_MS = [500, 2_000, 5_000]
const SHOWN_AFTER_MS = 10_000

/**
 * Sends each message once. A repetition within the window gets the first one's result; a send whose outcome is unknown
 * is looked for by its Message-ID before it is ever repeated, also when the process that made it is gone.
 */
export class Sends {
  readonly #mailbox: Mailbox
  readonly #clock: Clock
  readonly #ledger: SendLedger
  readonly #underWay = new Map<string, Entry>()

  constructor(mailbox: Mailbox, clock: Clock, ledger: SendLedger) {
    this.#mailbox = mailbox
    this.#clock = clock
    this.#ledger = ledger
  }

  /**
   * `send` is given the Message-ID to use. Throws `outcome_unknown` when nobody can say whether it was sent, and
   * `upstream_unavailable` when it cannot be noted, so that nothing was sent.
   */
  async once(
    { key, content, windowMs }: SendKey,
    newMessageId: string,
    send: (messageId: string) => Promise<Sent>,
    signal: AbortSignal
  ): Promise<Sent & { messageId: string; duplicate: boolean }> {
    const named = { key: hash(key), content: hash(content) }
    const other = this.#underWay.get(named.key)
    if (other) {
      if (other.content !== named.content) throw otherMessage()
      const sent = await other.sent.catch(unlessCancelled)
      if (!sent) return this.once({ key, content, windowMs }, newMessageId, send, signal)
      return { ...sent, duplicate: true }
    }
    const sent = this.#begin({ ...named, windowMs }, newMessageId, send, signal)
    this.#underWay.set(named.key, { content: named.content, messageId: newMessageId, sent })
    try {
      return await sent
    } finally {
      this.#underWay.delete(named.key)
    }
  }

  async #begin(
    named: SendKey,
    newMessageId: string,
    send: (messageId: string) => Promise<Sent>,
    signal: AbortSignal
  ): Promise<Sent & { messageId: string; duplicate: boolean }> {
    const known = await this.#ledger.begin({ ...named, messageId: newMessageId })
    switch (known.state) {
      case 'new':
        return this.#noted(named.key, newMessageId, 'failed', () =>
          this.#sendOrFind(newMessageId, send, signal)
        )
      case 'doubtful':
        // Whatever comes of this try, the first one may have gone out.
        return this.#noted(named.key, known.messageId, 'unknown', () =>
          this.#findOrSend(known.messageId, known.ageMs, send, signal)
        )
      case 'sent': {
        const { id, threadId, messageId } = known
        return { id, threadId, labelIds: ['SENT'], messageId, duplicate: true }
      }
      case 'other':
        throw otherMessage()
      default:
        throw new ToolError(
          'upstream_unavailable',
          'The server cannot note what it sends now, so nothing was sent; try again.',
          { retryAfterMs: 5000 }
        )
    }
  }

  /** Tells the ledger how it ended. What it does not hear of is doubtful to it, which is safe. */
  async #noted(
    key: string,
    messageId: string,
    refused: 'failed' | 'unknown',
    act: () => Promise<Sent>
  ): Promise<Sent & { messageId: string; duplicate: boolean }> {
    try {
      const sent = await act()
      await this.#ledger.end(key, { state: 'sent', id: sent.id, threadId: sent.threadId })
      return { ...sent, messageId, duplicate: false }
    } catch (error) {
      const isCertain = error instanceof ToolError && error.code !== 'outcome_unknown'
      await this.#ledger.end(key, { state: isCertain ? refused : 'unknown' })
      throw error
    }
  }

  /** How an earlier send ended is unknown: it may have arrived, or arrive yet. */
  async #findOrSend(
    messageId: string,
    ageMs: number,
    send: (messageId: string) => Promise<Sent>,
    signal: AbortSignal
  ): Promise<Sent> {
    const earlier =
      (await findByMessageId(this.#mailbox, messageId, signal, 'sent')) ??
      (ageMs < SHOWN_AFTER_MS ? await this.#lookFor(messageId, signal) : undefined)
    if (earlier) return { ...earlier, labelIds: ['SENT'] }
    return this.#sendOrFind(messageId, send, signal)
  }

  async #sendOrFind(
    messageId: string,
    send: (messageId: string) => Promise<Sent>,
    signal: AbortSignal
  ): Promise<Sent> {
    try {
      return await send(messageId)
    } catch (error) {
      if (!(error instanceof ToolError) || error.code !== 'outcome_unknown') throw error
      const found = await this.#lookFor(messageId, signal)
      if (found) return { ...found, labelIds: ['SENT'] }
      throw new ToolError(
        'outcome_unknown',
        `Gmail did not say whether the message was sent, and it is not in the mailbox yet. Search for rfc822msgid:${messageId.slice(1, -1)} before sending it again.`,
        { cause: error }
      )
    }
  }

  async #lookFor(messageId: string, signal: AbortSignal) {
    for (const wait of LOOK_AFTER_MS) {
      await sleep(this.#clock, wait, signal)
      try {
        const found = await findByMessageId(this.#mailbox, messageId, signal, 'sent')
        if (found) return found
      } catch (error) {
        if (!(error instanceof ToolError)) throw error
      }
    }
    return undefined
  }
}

/** Undefined when the call that was sending has been cancelled, which is nobody else's failure. */
function unlessCancelled(error: unknown): undefined {
  if (error instanceof ToolError) throw error
}

const otherMessage = (): ToolError =>
  new ToolError('invalid_argument', 'This idempotencyKey was used for another message.')

const hash = (text: string): string => createHash('sha256').update(text).digest('hex')
