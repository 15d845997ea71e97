import type { Clock } from '#shared/clock.ts'
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

interface Entry {
  readonly content: string
  readonly messageId: string
  readonly until: number
  state: 'sending' | 'sent' | 'unknown'
  sent: Promise<Sent>
}

const MAX_REMEMBERED = 1000
/** Gmail's search shows a sent message after a moment. */
const LOOK_AFTER_MS = [500, 2_000, 5_000]

/**
 * Sends each message once. A repetition within the window gets the first one's result; a send whose outcome is unknown
 * is looked for by its Message-ID, at once and again before it is ever repeated.
 */
export class Sends {
  readonly #mailbox: Mailbox
  readonly #clock: Clock
  readonly #entries = new Map<string, Entry>()

  constructor(mailbox: Mailbox, clock: Clock) {
    this.#mailbox = mailbox
    this.#clock = clock
  }

  /** `send` is given the Message-ID to use. Throws `outcome_unknown` when nobody can say whether it was sent. */
  async once(
    { key, content, windowMs }: SendKey,
    newMessageId: string,
    send: (messageId: string) => Promise<Sent>,
    signal: AbortSignal
  ): Promise<Sent & { messageId: string; duplicate: boolean }> {
    this.#forgetOld()
    const known = this.#entries.get(key)
    if (known && known.content !== content)
      throw new ToolError('invalid_argument', 'This idempotencyKey was used for another message.')
    if (known && known.state !== 'unknown') {
      const sent = await known.sent.catch(unlessCancelled)
      if (!sent) return this.once({ key, content, windowMs }, newMessageId, send, signal)
      return { ...sent, messageId: known.messageId, duplicate: true }
    }
    const messageId = known?.messageId ?? newMessageId
    const entry: Entry = {
      content,
      messageId,
      until: this.#clock.monotonic() + windowMs,
      state: 'sending',
      sent: known
        ? this.#findOrSend(messageId, send, signal)
        : this.#sendOrFind(messageId, send, signal)
    }
    this.#entries.set(key, entry)
    try {
      const sent = await entry.sent
      entry.state = 'sent'
      return { ...sent, messageId, duplicate: false }
    } catch (error) {
      if (error instanceof ToolError && error.code !== 'outcome_unknown') this.#entries.delete(key)
      else entry.state = 'unknown'
      throw error
    }
  }

  /** The outcome of an earlier send is unknown: it may have arrived since. */
  async #findOrSend(
    messageId: string,
    send: (messageId: string) => Promise<Sent>,
    signal: AbortSignal
  ): Promise<Sent> {
    const earlier = await findByMessageId(this.#mailbox, messageId, signal, 'sent')
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

  #forgetOld(): void {
    const now = this.#clock.monotonic()
    for (const [key, entry] of this.#entries) {
      if (entry.until > now && this.#entries.size <= MAX_REMEMBERED) continue
      if (entry.state !== 'sending') this.#entries.delete(key)
    }
  }
}

/** Undefined when the call that was sending has been cancelled, which is nobody else's failure. */
function unlessCancelled(error: unknown): undefined {
  if (error instanceof ToolError) throw error
}
