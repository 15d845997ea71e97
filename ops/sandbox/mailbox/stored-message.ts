import type { Mail } from '../mime/mail.ts'

/** A message in a mailbox: what was received, and what the mailbox says about it. */
export class StoredMessage {
  readonly id: string
  readonly threadId: string
  readonly internalDate: number
  readonly mail: Mail
  readonly labelIds: Set<string>
  historyId: number

  constructor(fields: {
    id: string
    threadId: string
    internalDate: number
    mail: Mail
    labelIds: Iterable<string>
    historyId: number
  }) {
    this.id = fields.id
    this.threadId = fields.threadId
    this.internalDate = fields.internalDate
    this.mail = fields.mail
    this.labelIds = new Set(fields.labelIds)
    this.historyId = fields.historyId
  }
}

/** Newest first; among equals the later made, whose id is higher. */
export function newestFirst(a: StoredMessage, b: StoredMessage): number {
  return b.internalDate - a.internalDate || (a.id < b.id ? 1 : -1)
}
