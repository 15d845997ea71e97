import type { Clock } from '#shared/clock.ts'
import type { Account } from '../sandbox-user.ts'
import { seedMailbox } from '../seed/seed-mailbox.ts'
import { Mailbox, type MailboxSnapshot } from './mailbox.ts'

interface Opened {
  readonly mailbox: Mailbox
  isChanged: boolean
}

export interface MailboxesOptions {
  readonly accounts: readonly Account[]
  readonly clock: Clock
  readonly seed: number
  /** The moment that seeded mail is dated back from, in milliseconds; the same after a restart. */
  readonly seededAt: number
  readonly saved: Readonly<Record<string, MailboxSnapshot>>
}

/** All mailboxes; each is opened, and seeded if need be, when it is first asked for. */
export class Mailboxes {
  /** Called after every change in any of them. */
  onChange: () => void = () => {}
  readonly #options: MailboxesOptions
  readonly #opened = new Map<string, Opened>()
  readonly #byEmail: ReadonlyMap<string, Account>
  readonly #bySub: ReadonlyMap<string, Account>

  constructor(options: MailboxesOptions) {
    this.#options = options
    this.#byEmail = new Map(options.accounts.map((account) => [account.email, account]))
    this.#bySub = new Map(options.accounts.map((account) => [account.sub, account]))
  }

  /** By the owner's address, or by an alias. */
  byEmail(email: string): Mailbox | undefined {
    const wanted = email.toLowerCase()
    const account = this.#byEmail.get(wanted)
    if (account) return this.#open(account).mailbox
    const opened = [...this.#opened.values()].map(({ mailbox }) => mailbox)
    return opened.find(({ ownAddresses }) => ownAddresses.includes(wanted))
  }

  bySub(sub: string): Mailbox | undefined {
    const account = this.#bySub.get(sub)
    return account && this.#open(account).mailbox
  }

  /** Only those that differ from what the seed gives. */
  snapshot(): Record<string, MailboxSnapshot> {
    const changed = [...this.#opened].filter(([, { isChanged }]) => isChanged)
    const untouched = Object.entries(this.#options.saved).filter(([sub]) => !this.#opened.has(sub))
    return Object.fromEntries([
      ...untouched,
      ...changed.map(([sub, { mailbox }]) => [sub, mailbox.snapshot()] as const)
    ])
  }

  #open(account: Account): Opened {
    const known = this.#opened.get(account.sub)
    if (known) return known
    const { clock, seed, seededAt, saved } = this.#options
    const mailbox = new Mailbox(account, clock, 100_000)
    const snapshot = saved[account.sub]
    if (snapshot) mailbox.restore(snapshot)
    else if (!account.empty) seedMailbox(mailbox, { account, seed, seededAt })
    const opened = { mailbox, isChanged: snapshot !== undefined }
    mailbox.onChange = () => {
      opened.isChanged = true
      this.onChange()
    }
    this.#opened.set(account.sub, opened)
    return opened
  }
}
