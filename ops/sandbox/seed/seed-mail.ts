import type { MailFields } from '../mime/compose.ts'
import type { Random } from '../random.ts'
import type { Account } from '../sandbox-user.ts'

/** One message of a new mailbox. */
export interface SeedMail {
  readonly hoursAgo: number
  /** System labels by id, the mailbox's own by name. */
  readonly labels: readonly string[]
  /** The content; `date` is filled in from `hoursAgo`. */
  readonly mail: MailFields | Buffer
  /** The sender that servers saw; without it the message counts as written here. */
  readonly envelopeFrom?: string
  /** False for a sender that pretends. */
  readonly isGenuine?: boolean
}

/** What content is made from. */
export interface SeedContext {
  readonly account: Account
  /** `Name <address>` of the mailbox's owner. */
  readonly me: string
  readonly random: Random
  /** A Message-ID of this mailbox, the same for the same name. */
  messageId(name: string): string
  /** The owner's canary as a sentence, or nothing. */
  readonly canary: string
}

export const INBOX = ['INBOX', 'CATEGORY_PERSONAL']
export const UNREAD = ['INBOX', 'CATEGORY_PERSONAL', 'UNREAD']
