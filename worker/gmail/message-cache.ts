import { ToolError } from '#shared/tool-error.ts'
import { AFTER } from './after-call.ts'
import { changesSince, NEVER, named } from './changes-since.ts'
import { type Depth, HeldMessages, type LabelChange } from './held-messages.ts'
import type {
  GmailMethod,
  GmailMethods,
  HistoryRecord,
  Listed,
  Mailbox,
  Message,
  MessagePart
} from './mailbox.ts'
import { UNITS } from './quota-units.ts'
import { unlessAborted } from './unless-aborted.ts'

const MAX_THREADS = 2000

/**
 * A mailbox that fetches a message once. What was sent stays as it is; what changes, labels and who belongs to a thread, is
 * read anew for each call: from the list of changes (`history.list`, 2 units for all messages) where a message costs 20 and
 * a thread 40. It is in memory only, bounded, and forgotten with the grant.
 */
export class MessageCache implements Mailbox {
  readonly #mailbox: Mailbox
  readonly #held = new HeldMessages()
  /** Ids of all messages of a thread. */
  readonly #threads = new Map<string, Set<string>>()
  /** Up to where changes have been followed: a history id. */
  #place: string | undefined
  #begun: Promise<void> | undefined
  #following: Promise<boolean> | undefined
  /** Raised when all is forgotten, so that what is under way then is not kept. */
  #generation = 0

  constructor(mailbox: Mailbox) {
    this.#mailbox = mailbox
  }

  get address(): string {
    return this.#mailbox.address
  }

  get unitsLeft(): number {
    return this.#mailbox.unitsLeft
  }

  /** Forgets everything. */
  forget(): void {
    this.#held.clear()
    this.#threads.clear()
    this.#place = undefined
    this.#begun = undefined
    this.#generation += 1
  }

  async call<M extends GmailMethod>(
    method: M,
    params: GmailMethods[M][0],
    signal: AbortSignal
  ): Promise<GmailMethods[M][1]> {
    const own = OWN[method]
    if (own) return own(this, params, signal)
    const answer = await this.#mailbox.call(method, params, signal)
    AFTER[method]?.(this, params, answer)
    return answer
  }

  async prefetch(found: readonly Listed[], signal: AbortSignal): Promise<void> {
    const missing = new Map<string, number>()
    for (const { id, threadId } of found)
      if (!this.#held.has(id, 'whole')) missing.set(threadId, (missing.get(threadId) ?? 0) + 1)
    const dear = [...missing].filter(
      ([, count]) => count * UNITS['messages.get'] > UNITS['threads.get']
    )
    await Promise.all(
      dear.map(([id]) =>
        this.getThread({ id, format: 'full' }, signal).catch((error: unknown) => {
          if (!(error instanceof ToolError) || error.code !== 'not_found') throw error
        })
      )
    )
  }

  /** A list is mostly followed by its messages: the place in the history is asked for meanwhile. */
  async list<M extends 'messages.list' | 'threads.list'>(
    method: M,
    params: GmailMethods[M][0],
    signal: AbortSignal
  ): Promise<GmailMethods[M][1]> {
    void this.#begin()
    const page = await this.#mailbox.call(method, params, signal)
    if ('messages' in page) this.#compare(page.messages ?? [])
    return page
  }

  /** A search may know of a message before the list of changes does. */
  #compare(found: readonly Message[]): void {
    for (const { id, threadId } of found)
      if (id && threadId && this.#threads.get(threadId)?.has(id) === false)
        this.#threads.delete(threadId)
  }

  async getMessage(params: GmailMethods['messages.get'][0], signal: AbortSignal): Promise<Message> {
    const { id, format = 'full' } = params
    // Who wants the labels alone wants to see what Gmail says of them.
    if (format === 'raw' || format === 'minimal')
      return this.#mailbox.call('messages.get', params, signal)
    const depth = depthOf(format)
    if (this.#held.has(id, depth) && (await this.#follow(signal))) {
      const held = this.#held.shown(id, depth)
      if (held) return held
    }
    const keep = await this.#keeper(signal)
    const message = await this.#mailbox.call('messages.get', params, signal)
    const isPart = params.fields !== undefined || params.metadataHeaders !== undefined
    if (!isPart) keep([message], depth)
    return message
  }

  async getThread(
    params: GmailMethods['threads.get'][0],
    signal: AbortSignal
  ): Promise<GmailMethods['threads.get'][1]> {
    const { id, format = 'full' } = params
    if (format === 'minimal') return this.#mailbox.call('threads.get', params, signal)
    const depth = depthOf(format)
    const known = this.#threads.get(id)
    if (known && this.#isNearlyHeld(known, depth) && (await this.#follow(signal))) {
      const thread = await this.#threadOf(id, depth, signal)
      if (thread) return thread
    }
    const keep = await this.#keeper(signal)
    const thread = await this.#mailbox.call('threads.get', params, signal)
    const { messages = [] } = thread
    if (keep(messages, depth)) this.#keepThread(id, messages)
    return thread
  }

  /** Attachment ids are new at every fetch, and nobody promises for how long an old one is good. */
  async getAttachment(
    params: GmailMethods['attachments.get'][0],
    signal: AbortSignal
  ): Promise<GmailMethods['attachments.get'][1]> {
    const held = this.#held.payloadOf(params.messageId)
    const part = held && partWith(held, ({ body }) => body?.attachmentId === params.id)
    try {
      return await this.#mailbox.call('attachments.get', params, signal)
    } catch (error) {
      const isOld = error instanceof ToolError && OLD_ID.has(error.code)
      if (!isOld || !part) throw error
      this.#held.drop(params.messageId)
      const { payload } = await this.getMessage({ id: params.messageId, format: 'full' }, signal)
      const same = payload && partWith(payload, ({ partId }) => partId === part.partId)
      if (!same?.body?.attachmentId) throw error
      return this.#mailbox.call(
        'attachments.get',
        { ...params, id: same.body.attachmentId },
        signal
      )
    }
  }

  /** A change that was made here is known before the history tells of it. */
  relabel(ids: readonly string[], change: LabelChange): void {
    this.#held.relabel(ids, change)
  }

  /** A message that was made here is in its thread before the history tells of it. */
  join({ id, threadId }: Message): void {
    if (id && threadId) this.#threads.get(threadId)?.add(id)
  }

  relabelThread(id: string, change: LabelChange): void {
    this.#held.relabel([...(this.#threads.get(id) ?? [])], change)
  }

  /** What these messages are now is not known here. */
  dropAll(ids: Iterable<string>): void {
    for (const id of ids) this.#held.drop(id)
  }

  dropThread(id: string): void {
    this.dropAll(this.#threads.get(id) ?? [])
    this.#threads.delete(id)
  }

  /** Whether it is cheaper to complete a thread than to fetch it again. */
  #isNearlyHeld(ids: ReadonlySet<string>, depth: Depth): boolean {
    const missing = [...ids].filter((id) => !this.#held.has(id, depth)).length
    return missing * UNITS['messages.get'] < UNITS['threads.get']
  }

  async #threadOf(
    id: string,
    depth: Depth,
    signal: AbortSignal
  ): Promise<GmailMethods['threads.get'][1] | undefined> {
    const ids = this.#threads.get(id)
    if (!ids || ids.size === 0 || !this.#isNearlyHeld(ids, depth)) return undefined
    const format = depth === 'whole' ? 'full' : 'metadata'
    try {
      const messages = await Promise.all(
        [...ids].map(
          async (each) =>
            this.#held.shown(each, depth) ?? this.getMessage({ id: each, format }, signal)
        )
      )
      messages.sort((a, b) => Number(a.internalDate) - Number(b.internalDate))
      return { id, messages }
    } catch (error) {
      if (error instanceof ToolError && error.code === 'not_found') return undefined
      throw error
    }
  }

  /** To be made before messages are fetched: what happens to them meanwhile is then not missed. */
  async #keeper(signal: AbortSignal) {
    await unlessAborted(this.#begin(), signal)
    const place = this.#place
    const generation = this.#generation
    return (messages: readonly Message[], depth: Depth): boolean => {
      if (place === undefined || generation !== this.#generation) return false
      // Changes are followed again from where these were fetched. To hear of one twice does no harm.
      if (this.#place !== undefined && BigInt(place) < BigInt(this.#place)) this.#place = place
      for (const message of messages) this.#held.keep(message, depth)
      return true
    }
  }

  #keepThread(id: string, messages: readonly Message[]): void {
    this.#threads.delete(id)
    this.#threads.set(id, new Set(messages.flatMap((message) => message.id ?? [])))
    const [oldest] = this.#threads.keys()
    if (this.#threads.size > MAX_THREADS && oldest !== undefined) this.#threads.delete(oldest)
  }

  /** Finds the place in the history from which changes are followed. Never rejects: without one nothing is kept. */
  #begin(): Promise<void> {
    this.#begun ??= this.#findPlace(this.#generation)
    return this.#begun
  }

  async #findPlace(generation: number): Promise<void> {
    try {
      const { historyId } = await this.#mailbox.call('getProfile', {}, NEVER)
      if (generation === this.#generation && historyId) this.#place = historyId
    } catch {
      if (generation === this.#generation) this.#begun = undefined
    }
  }

  /**
   * Learns what has changed up to now, once for all who ask at a time. False when that is not known; then nothing that
   * is held may be told.
   */
  async #follow(signal: AbortSignal): Promise<boolean> {
    this.#following ??= this.#learn(this.#generation).finally(() => {
      this.#following = undefined
    })
    return unlessAborted(this.#following, signal)
  }

  async #learn(generation: number): Promise<boolean> {
    await null // so that those who ask in the same turn ask once
    const from = this.#place
    if (from === undefined) return false
    try {
      const changes = await changesSince(this.#mailbox, from)
      if (generation !== this.#generation) return false
      if (!changes) {
        this.forget()
        return false
      }
      for (const record of changes.records) this.#apply(record)
      // What was fetched meanwhile may have set it back.
      if (changes.place && this.#place === from) this.#place = changes.place
      return true
    } catch (error) {
      if (!(error instanceof ToolError)) throw error
      if (error.code === 'not_found') this.forget() // older than what Gmail keeps
      return false
    }
  }

  #apply(record: HistoryRecord): void {
    const { labelsAdded, labelsRemoved, messagesAdded, messagesDeleted } = record
    for (const { id, labelIds: addLabelIds } of named(labelsAdded))
      this.#held.relabel([id], { addLabelIds })
    for (const { id, labelIds: removeLabelIds } of named(labelsRemoved))
      this.#held.relabel([id], { removeLabelIds })
    for (const { id, threadId } of named(messagesAdded)) this.#threads.get(threadId)?.add(id)
    for (const { id, threadId } of named(messagesDeleted)) {
      this.#held.drop(id)
      this.#threads.get(threadId)?.delete(id)
    }
  }
}

const OLD_ID: ReadonlySet<string> = new Set(['not_found', 'invalid_argument'])

const depthOf = (format: string): Depth => (format === 'full' ? 'whole' : 'header')

type Own = {
  [M in GmailMethod]?: (
    cache: MessageCache,
    params: GmailMethods[M][0],
    signal: AbortSignal
  ) => Promise<GmailMethods[M][1]>
}

const OWN: Own = {
  'messages.list': (cache, params, signal) => cache.list('messages.list', params, signal),
  'threads.list': (cache, params, signal) => cache.list('threads.list', params, signal),
  'messages.get': (cache, params, signal) => cache.getMessage(params, signal),
  'threads.get': (cache, params, signal) => cache.getThread(params, signal),
  'attachments.get': (cache, params, signal) => cache.getAttachment(params, signal)
}

/** A part of a message, this one included, that is the one. */
function partWith(
  root: MessagePart,
  isIt: (part: MessagePart) => boolean
): MessagePart | undefined {
  const stack = [root]
  for (let part = stack.pop(); part; part = stack.pop()) {
    if (isIt(part)) return part
    stack.push(...(part.parts ?? []))
  }
  return undefined
}
