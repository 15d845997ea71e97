import { composeMail, type MailFields } from '../mime/compose.ts'
import type { Delivery } from './delivery.ts'
import type { StoredDraft } from './drafts.ts'
import type { Label } from './labels.ts'
import type { Mailbox } from './mailbox.ts'
import type { StoredMessage } from './stored-message.ts'

/** A mailbox as tests and operators look at it, past the API. */
export interface MailboxView {
  /** Newest first. */
  readonly messages: readonly StoredMessage[]
  /** Thread ids with their messages, oldest first. */
  readonly threads: ReadonlyMap<string, readonly StoredMessage[]>
  readonly labels: readonly Label[]
  readonly drafts: readonly StoredDraft[]
  message(id: string): StoredMessage | undefined
  /** By the Message-ID header, with or without angle brackets. */
  byMessageId(messageId: string): StoredMessage | undefined
  /** The newest message with exactly this subject. */
  bySubject(subject: string): StoredMessage | undefined
  /** An address that the owner has added under "Send mail as"; mail to it arrives here once it is confirmed. */
  addAlias(alias: Alias): void
  /** Drops in an incoming mail, as raw bytes or from fields (`to` and `date` are filled in). */
  deliver(mail: Buffer | string | IncomingMail): StoredMessage
}

export interface Alias {
  readonly email: string
  readonly name?: string | undefined
  /** Confirmed when missing. */
  readonly isPending?: boolean | undefined
}

export type IncomingMail = Partial<MailFields> & { readonly from: string }

/** The view of one mailbox; always current. `now` in milliseconds, for the date of delivered mail. */
export function viewMailbox(
  mailbox: Mailbox,
  postOffice: Delivery,
  now: () => number
): MailboxView {
  return {
    get messages() {
      return mailbox.messages
    },
    get threads() {
      const ids = new Set(mailbox.messages.map(({ threadId }) => threadId))
      return new Map([...ids].map((id) => [id, mailbox.messagesOf(id)]))
    },
    get labels() {
      return mailbox.labels.list()
    },
    get drafts() {
      return mailbox.drafts.list()
    },
    message: (id) => mailbox.message(id),
    byMessageId: (messageId) => mailbox.byMessageId(`<${messageId.replace(/^<|>$/g, '')}>`)[0],
    bySubject: (subject) => mailbox.messages.find(({ mail }) => mail.subject === subject),
    addAlias({ email, name = '', isPending = false }) {
      const alias = {
        sendAsEmail: email.toLowerCase(),
        displayName: name,
        replyToAddress: '',
        signature: '',
        isPrimary: false,
        isDefault: false,
        treatAsAlias: true,
        verificationStatus: isPending ? 'pending' : 'accepted'
      }
      mailbox.settings = { ...mailbox.settings, sendAs: [...mailbox.settings.sendAs, alias] }
      mailbox.onChange()
    },
    deliver(mail) {
      if (typeof mail === 'string' || Buffer.isBuffer(mail)) {
        return postOffice.deliver(mailbox, Buffer.from(mail), 'outside@elsewhere.example')
      }
      const at = now()
      const raw = composeMail({
        to: mailbox.owner.email,
        date: new Date(at),
        messageId: `<in-${at}-${mailbox.history.id}@elsewhere.example>`,
        ...mail
      })
      const envelopeFrom = /[^\s<>]+@[^\s<>]+/.exec(mail.from)?.[0] ?? 'outside@elsewhere.example'
      return postOffice.deliver(mailbox, raw, envelopeFrom)
    }
  }
}
