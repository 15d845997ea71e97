import type { Mailbox } from '../mailbox/mailbox.ts'
import { composeMail, type MailFields } from '../mime/compose.ts'
import { mailboxOf, PEOPLE } from './people.ts'

const LABELS = [
  { name: 'Work', color: { textColor: '#ffffff', backgroundColor: '#4a86e8' } },
  { name: 'Work/Projects' },
  { name: 'Work/Projects/Lighthouse', color: { textColor: '#000000', backgroundColor: '#fad165' } },
  { name: 'Receipts', labelListVisibility: 'labelShowIfUnread' },
  { name: 'Travel' },
  { name: 'Family', color: { textColor: '#ffffff', backgroundColor: '#16a766' } },
  { name: 'Ärzte & Ämter', messageListVisibility: 'hide' }
] as const

/** Labels and filters, before any mail is put under them. */
export function furnish(mailbox: Mailbox): void {
  for (const label of LABELS) mailbox.labels.create(label)
  const idOf = (name: string) => mailbox.labels.named(name)?.id ?? ''
  mailbox.filters = [
    {
      id: 'ANe1000000000001',
      criteria: { from: 'billing@halogen.example' },
      action: { addLabelIds: [idOf('Receipts')] }
    },
    {
      id: 'ANe1000000000002',
      criteria: { query: 'list:letters.tideline.example' },
      action: { removeLabelIds: ['INBOX'] }
    }
  ]
  const [primary] = mailbox.settings.sendAs
  if (primary) primary.signature = `<div>${mailbox.owner.name}<br>sent from the sandbox</div>`
}

/** Three drafts, one of them an answer; `at` in milliseconds since the epoch. */
export function addDrafts(mailbox: Mailbox, me: string, at: number): void {
  const { hanna, mum } = PEOPLE
  const question = mailbox.messages.find(
    ({ mail }) => mail.subject === 'Re: Lighthouse: launch date'
  )
  const answered = question?.mail.messageId ?? ''
  const drafts: (MailFields & { threadId?: string | undefined })[] = [
    { from: me, to: mailboxOf(mum), subject: 'Photos', text: 'Here are the photos from' },
    { from: me, subject: 'Notes to myself', text: 'Buy stamps.' },
    {
      from: me,
      to: mailboxOf(hanna),
      subject: 'Re: Lighthouse: launch date',
      inReplyTo: answered,
      references: answered,
      text: 'Confirmed: the 14th.',
      threadId: question?.threadId
    }
  ]
  for (const { threadId, ...fields } of drafts) {
    mailbox.drafts.create({ raw: composeMail(fields), threadId, internalDate: at })
  }
}
