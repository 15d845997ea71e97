import type { gmail_v1 } from 'googleapis/build/src/apis/gmail/v1.js'
import type { Clock } from '#shared/clock.ts'
import { invalid, notFound } from '../google-error.ts'
import { Mail } from '../mime/mail.ts'
import { Drafts } from './drafts.ts'
import { History, type HistoryKind } from './history.ts'
import { Labels } from './labels.ts'
import { isMessageId, MessageIds } from './message-ids.ts'
import { type MailSettings, newSettings } from './settings.ts'
import { newestFirst, StoredMessage } from './stored-message.ts'
import { findThread } from './threading.ts'

export interface NewMessage {
  readonly raw: Buffer
  readonly labelIds: Iterable<string>
  /** Milliseconds since the epoch; now when missing. */
  readonly internalDate?: number
  /** Joined only when the message fits into it (see `threading.ts`). */
  readonly threadId?: string | undefined
  /** Joined without any condition. */
  readonly keptThreadId?: string | undefined
}

export interface MailboxOwner {
  readonly email: string
  readonly name: string
}

/** One account's mail, with an index for every question that is asked often. */
export class Mailbox {
  readonly owner: MailboxOwner
  readonly labels = new Labels()
  readonly drafts: Drafts
  readonly history: History
  filters: gmail_v1.Schema$Filter[] = []
  settings: MailSettings
  /** Called after every change that a restart should keep. */
  onChange: () => void = () => {}
  readonly #clock: Clock
  readonly #ids: MessageIds
  readonly #messages = new Map<string, StoredMessage>()
  readonly #threads = new Map<string, StoredMessage[]>()
  readonly #byMessageId = new Map<string, StoredMessage[]>()
  readonly #byLabel = new Map<string, Set<StoredMessage>>()
  #sorted: StoredMessage[] | undefined = []

  constructor(owner: MailboxOwner, clock: Clock, firstHistoryId: number) {
    this.owner = owner
    this.settings = newSettings(owner.email, owner.name)
    this.history = new History(firstHistoryId)
    this.drafts = new Drafts(this)
    this.#ids = new MessageIds(owner.email)
    this.#clock = clock
  }

  /** The addresses that mail may come from, in lower case: the owner's, and aliases that are confirmed. */
  get ownAddresses(): string[] {
    const { sendAs } = this.settings
    const usable = sendAs.filter((each) => each.isPrimary || each.verificationStatus === 'accepted')
    return usable.map(({ sendAsEmail }) => sendAsEmail?.toLowerCase() ?? '')
  }

  /** Newest first. */
  get messages(): readonly StoredMessage[] {
    this.#sorted ??= [...this.#messages.values()].sort(newestFirst)
    return this.#sorted
  }

  get threadCount(): number {
    return this.#threads.size
  }

  message(id: string): StoredMessage | undefined {
    return this.#messages.get(id)
  }

  /** Oldest first; empty for an unknown thread. */
  messagesOf(threadId: string): readonly StoredMessage[] {
    return this.#threads.get(threadId) ?? []
  }

  /** By the Message-ID header, with its angle brackets. */
  byMessageId(messageId: string): readonly StoredMessage[] {
    return this.#byMessageId.get(messageId) ?? []
  }

  labelled(labelId: string): ReadonlySet<StoredMessage> {
    return this.#byLabel.get(labelId) ?? new Set()
  }

  add({ raw, labelIds, internalDate, threadId, keptThreadId }: NewMessage): StoredMessage {
    const at = internalDate ?? this.#clock.now()
    const id = this.#ids.next(at)
    const mail = new Mail(raw)
    const thread = keptThreadId ?? findThread(mail, this, threadId) ?? id
    const historyId = this.history.advance()
    const message = new StoredMessage({
      id,
      threadId: thread,
      internalDate: at,
      mail,
      labelIds,
      historyId
    })
    this.#index(message)
    this.#record(message, 'messageAdded')
    this.onChange()
    return message
  }

  /** For good, without the trash. */
  remove(message: StoredMessage): void {
    if (!this.#messages.delete(message.id)) return
    message.historyId = this.history.advance()
    for (const label of message.labelIds) this.#byLabel.get(label)?.delete(message)
    without(this.#threads, message.threadId, message)
    if (message.mail.messageId) without(this.#byMessageId, message.mail.messageId, message)
    this.#sorted = undefined
    this.#record(message, 'messageDeleted')
    this.onChange()
  }

  /** Nothing leaves a trace where nothing changes. Spam and trash are never in the inbox. */
  relabel(message: StoredMessage, add: readonly string[], remove: readonly string[]): void {
    const leavesInbox = add.includes('TRASH') || add.includes('SPAM')
    const removed = [...remove, ...(leavesInbox ? ['INBOX'] : [])].filter((id) =>
      message.labelIds.has(id)
    )
    const added = add.filter((id) => !message.labelIds.has(id) && !(leavesInbox && id === 'INBOX'))
    if (added.length === 0 && removed.length === 0) return
    message.historyId = this.history.advance()
    for (const id of removed) {
      message.labelIds.delete(id)
      this.#byLabel.get(id)?.delete(message)
    }
    for (const id of added) {
      message.labelIds.add(id)
      this.#labelSet(id).add(message)
    }
    if (added.length > 0) this.#record(message, 'labelAdded', added)
    if (removed.length > 0) this.#record(message, 'labelRemoved', removed)
    this.onChange()
  }

  /** Deletes a label and takes it off every message. */
  deleteLabel(id: string): void {
    this.labels.delete(id)
    for (const message of [...this.labelled(id)]) this.relabel(message, [], [id])
    this.onChange()
  }

  /** Throws when a client names a thread that does not exist. */
  checkThread(threadId: string | undefined): void {
    if (threadId === undefined || this.#threads.has(threadId)) return
    throw isMessageId(threadId) ? notFound() : invalid('Invalid thread_id value')
  }

  snapshot() {
    return {
      messages: this.messages.map((message) => ({
        id: message.id,
        threadId: message.threadId,
        internalDate: message.internalDate,
        historyId: message.historyId,
        labelIds: [...message.labelIds],
        raw: message.mail.raw.toString('latin1')
      })),
      labels: this.labels.snapshot(),
      drafts: this.drafts.snapshot(),
      history: this.history.snapshot(),
      filters: this.filters,
      settings: this.settings
    }
  }

  /** Into a mailbox that is still empty. */
  restore(saved: MailboxSnapshot): void {
    for (const { raw, ...fields } of saved.messages.toReversed()) {
      this.#index(new StoredMessage({ ...fields, mail: new Mail(Buffer.from(raw, 'latin1')) }))
      this.#ids.skip(fields.id)
    }
    this.labels.restore(saved.labels)
    this.drafts.restore(saved.drafts)
    this.history.restore(saved.history)
    this.filters = saved.filters
    this.settings = saved.settings
  }

  #index(message: StoredMessage): void {
    this.#messages.set(message.id, message)
    within(this.#threads, message.threadId, message).sort((a, b) => newestFirst(b, a))
    if (message.mail.messageId) within(this.#byMessageId, message.mail.messageId, message)
    for (const label of message.labelIds) this.#labelSet(label).add(message)
    this.#sorted = undefined
  }

  #labelSet(id: string): Set<StoredMessage> {
    const set = this.#byLabel.get(id) ?? new Set()
    this.#byLabel.set(id, set)
    return set
  }

  #record(message: StoredMessage, kind: HistoryKind, changed?: readonly string[]): void {
    this.history.record({
      id: message.historyId,
      kind,
      messageId: message.id,
      threadId: message.threadId,
      labelIds: [...message.labelIds],
      ...(changed ? { changed } : {})
    })
  }
}

export type MailboxSnapshot = ReturnType<Mailbox['snapshot']>

function within<T>(index: Map<string, T[]>, key: string, value: T): T[] {
  const list = index.get(key) ?? []
  list.push(value)
  index.set(key, list)
  return list
}

function without<T>(index: Map<string, T[]>, key: string, value: T): void {
  const left = (index.get(key) ?? []).filter((other) => other !== value)
  if (left.length > 0) index.set(key, left)
  else index.delete(key)
}
