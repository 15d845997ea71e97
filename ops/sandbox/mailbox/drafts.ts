import { notFound } from '../google-error.ts'
import type { Mailbox, NewMessage } from './mailbox.ts'
import type { StoredMessage } from './stored-message.ts'

export interface StoredDraft {
  /** The same for the draft's whole life. */
  readonly id: string
  /** Another one after every update. */
  readonly message: StoredMessage
}

/** The drafts of one mailbox. Refuses unknown ids with a GoogleError. */
export class Drafts {
  readonly #mailbox: Mailbox
  readonly #messageIds = new Map<string, string>()
  #lastId = 0

  constructor(mailbox: Mailbox) {
    this.#mailbox = mailbox
  }

  /** The last changed first. */
  list(): StoredDraft[] {
    return [...this.#messageIds.keys()]
      .flatMap((id) => this.#find(id) ?? [])
      .sort((a, b) => (a.message.id < b.message.id ? 1 : -1))
  }

  get(id: string): StoredDraft {
    const draft = this.#find(id)
    if (!draft) throw notFound()
    return draft
  }

  create(content: Omit<NewMessage, 'labelIds'>): StoredDraft {
    this.#lastId += 1
    const id = `r${7_000_000_000_000_000_000n + BigInt(this.#lastId) * 104_729_777_001n}`
    return this.#put(id, content)
  }

  /** Stays in its thread unless told otherwise. */
  update(id: string, raw: Buffer, threadId?: string): StoredDraft {
    const { message } = this.get(id)
    const keptThreadId = threadId === undefined ? message.threadId : undefined
    const updated = this.#put(id, { raw, threadId, keptThreadId })
    this.#mailbox.remove(message)
    return updated
  }

  /** With its message, for good. */
  delete(id: string): void {
    const { message } = this.get(id)
    this.#messageIds.delete(id)
    this.#mailbox.remove(message)
  }

  snapshot() {
    return { lastId: this.#lastId, messageIds: [...this.#messageIds] }
  }

  restore(saved: ReturnType<Drafts['snapshot']>): void {
    this.#lastId = saved.lastId
    for (const [id, messageId] of saved.messageIds) this.#messageIds.set(id, messageId)
  }

  #put(id: string, content: Omit<NewMessage, 'labelIds'>): StoredDraft {
    const message = this.#mailbox.add({ ...content, labelIds: ['DRAFT'] })
    this.#messageIds.set(id, message.id)
    return { id, message }
  }

  #find(id: string): StoredDraft | undefined {
    const message = this.#mailbox.message(this.#messageIds.get(id) ?? '')
    return message ? { id, message } : undefined
  }
}
