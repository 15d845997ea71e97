import { randomBytes } from 'node:crypto'
import type { Clock } from '#shared/clock.ts'
import { invalid } from '../google-error.ts'
import { addressesOf } from '../mime/addresses.ts'
import { editHeaders } from '../mime/edit-headers.ts'
import { Mail } from '../mime/mail.ts'
import { applyFilters } from './apply-filters.ts'
import type { Mailbox } from './mailbox.ts'
import type { StoredMessage } from './stored-message.ts'
import { addTrace } from './trace-headers.ts'

/** Gmail's own limit for one message. */
const MAX_RECIPIENTS = 500

/** Takes mail from one mailbox of the sandbox and puts it into others. Mail to anybody else vanishes. */
export class Delivery {
  readonly #find: (address: string) => Mailbox | undefined
  readonly #clock: Clock

  constructor(find: (address: string) => Mailbox | undefined, clock: Clock) {
    this.#find = find
    this.#clock = clock
  }

  /**
   * Sends as Gmail does: Date and Message-ID are added where they are missing, and a From that is no confirmed address
   * of the account is silently replaced by its own (taylorwilsdon/google_workspace_mcp#1075).
   */
  send(
    from: Mailbox,
    raw: Buffer,
    thread: { threadId?: string | undefined; keptThreadId?: string | undefined }
  ): StoredMessage {
    const recipients = checkRecipients(new Mail(raw))
    const complete = this.#complete(from, raw)
    const isOwn = [...recipients].some((address) => from.ownAddresses.includes(withoutTag(address)))
    const sent = from.add({
      raw: complete,
      labelIds: isOwn ? ['SENT', 'INBOX', 'UNREAD'] : ['SENT'],
      ...thread
    })
    const delivered = editHeaders(complete, { drop: ['Bcc'] })
    for (const address of recipients) {
      const mailbox = this.#find(withoutTag(address))
      if (mailbox && mailbox !== from) this.deliver(mailbox, delivered, from.owner.email, address)
    }
    return sent
  }

  /**
   * Drops a message into an inbox, as it arrives from the outside, and runs the owner's filters. `address` is the
   * one that was written to, when it is not the owner's plain one.
   */
  deliver(to: Mailbox, raw: Buffer, envelopeFrom: string, address = to.owner.email): StoredMessage {
    const at = this.#clock.now()
    const trace = addTrace(raw, { to: address, envelopeFrom, at })
    const message = to.add({ raw: trace, labelIds: ['INBOX', 'UNREAD', 'CATEGORY_PERSONAL'] })
    applyFilters(to, message, at)
    return message
  }

  #complete({ owner, ownAddresses }: Mailbox, raw: Buffer): Buffer {
    const mail = new Mail(raw)
    const isOwn = mail.addresses('From').some(({ address }) => ownAddresses.includes(address))
    const add: string[] = []
    if (!isOwn) add.push(`From: ${owner.name} <${owner.email}>`)
    if (mail.header('Date') === undefined) {
      add.push(`Date: ${new Date(this.#clock.now()).toUTCString().replace('GMT', '+0000')}`)
    }
    if (mail.messageId === undefined) {
      add.push(`Message-ID: <CA${randomBytes(24).toString('base64url')}@mail.gmail.com>`)
    }
    const drop = [
      ...(isOwn ? [] : ['From']),
      ...(mail.messageId === undefined ? ['Message-ID'] : [])
    ]
    return editHeaders(raw, { add, drop })
  }
}

function checkRecipients(mail: Mail): Set<string> {
  const recipients = new Set<string>()
  for (const field of ['To', 'Cc', 'Bcc']) {
    for (const { address } of addressesOf(mail.header(field) ?? '')) {
      if (!/^[^\s@<>]+@[^\s@<>]+$/.test(address)) throw invalid(`Invalid ${field} header`)
      recipients.add(address)
    }
  }
  if (recipients.size === 0) throw invalid('Recipient address required')
  if (recipients.size > MAX_RECIPIENTS) throw invalid('Too many recipients')
  return recipients
}

/** `ana+shop@x` is delivered to `ana@x`. */
const withoutTag = (address: string) => address.replace(/\+[^@]*(?=@)/, '')
