import type { Mailbox } from '../mailbox/mailbox.ts'
import { addTrace } from '../mailbox/trace-headers.ts'
import { composeMail } from '../mime/compose.ts'
import { editHeaders } from '../mime/edit-headers.ts'
import { createRandom } from '../random.ts'
import type { Account } from '../sandbox-user.ts'
import { attachments } from './attachments.ts'
import { conversations } from './conversations.ts'
import { hostile } from './hostile-mail.ts'
import { invitations } from './invitations.ts'
import { addDrafts, furnish } from './labels-and-drafts.ts'
import { languages } from './languages.ts'
import { broken } from './malformed-mail.ts'
import { newsletters } from './newsletters.ts'
import { places } from './other-folders.ts'
import { receipts } from './receipts.ts'
import type { SeedContext, SeedMail } from './seed-mail.ts'

export interface SeedOptions {
  readonly account: Account
  readonly seed: number
  /** Milliseconds since the epoch; all mail is older. */
  readonly seededAt: number
}

const CONTENT = [
  conversations,
  newsletters,
  receipts,
  invitations,
  languages,
  attachments,
  broken,
  hostile,
  places
]

/** Fills a new mailbox with invented mail. The same options give the same mail. */
export function seedMailbox(mailbox: Mailbox, { account, seed, seededAt }: SeedOptions): void {
  const context: SeedContext = {
    account,
    me: `${account.name} <${account.email}>`,
    random: createRandom(`${seed} ${account.email}`),
    messageId: (name) => `<${name}.${account.sub}@mail.sandbox.example>`,
    canary: account.canary ? `The word of the day is ${account.canary}.` : ''
  }
  furnish(mailbox)
  const mails = CONTENT.flatMap((content) => content(context))
  for (const mail of mails.toSorted((a, b) => b.hoursAgo - a.hoursAgo)) {
    addMail(mailbox, mail, seededAt)
  }
  addDrafts(mailbox, context.me, seededAt)
  mailbox.history.forget()
}

function addMail(mailbox: Mailbox, seed: SeedMail, seededAt: number): void {
  const at = seededAt - seed.hoursAgo * 3_600_000
  const date = new Date(at)
  const raw = Buffer.isBuffer(seed.mail)
    ? withDate(seed.mail, date)
    : composeMail({ ...seed.mail, date })
  const { envelopeFrom, isGenuine = true } = seed
  mailbox.add({
    raw: envelopeFrom
      ? addTrace(raw, { to: mailbox.owner.email, envelopeFrom, at, isGenuine })
      : raw,
    labelIds: seed.labels.map((name) => mailbox.labels.named(name)?.id ?? name),
    internalDate: at
  })
}

/** Source text keeps its own Date, be it as wrong as it may. */
const withDate = (raw: Buffer, date: Date) =>
  /^Date:/im.test(raw.toString('latin1').split('\r\n\r\n', 1)[0] ?? '')
    ? raw
    : editHeaders(raw, { add: [`Date: ${date.toUTCString().replace('GMT', '+0000')}`] })
