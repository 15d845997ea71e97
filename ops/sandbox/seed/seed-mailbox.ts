import type { Mailbox } from '../mailbox/mailbox.ts'
import { composeMail } from '../mime/compose.ts'
import type { Account } from '../sandbox-user.ts'

export interface SeedOptions {
  readonly account: Account
  readonly seed: number
  /** Milliseconds since the epoch; all mail is older. */
  readonly seededAt: number
}

/** Fills a new mailbox. The same options give the same mail. */
export function seedMailbox(mailbox: Mailbox, { account, seededAt }: SeedOptions): void {
  for (let i = 0; i < 60; i += 1) {
    const at = seededAt - (60 - i) * 3_600_000
    mailbox.add({
      raw: composeMail({
        from: 'First Seed <first@elsewhere.example>',
        to: account.email,
        subject: `Seeded message ${i}`,
        date: new Date(at),
        messageId: `<seed-${i}-${account.sub}@elsewhere.example>`,
        text: `Hello ${account.name}, this is ${i}. ${account.canary ?? ''}`
      }),
      labelIds: ['INBOX', 'UNREAD'],
      internalDate: at
    })
  }
  mailbox.history.forget()
}
