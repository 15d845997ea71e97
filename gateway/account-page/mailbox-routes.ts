import type { FastifyPluginAsync } from 'fastify'
import * as z from 'zod'
import { AccessLevel, covers } from '#shared/access-levels.ts'
import type { Clock } from '#shared/clock.ts'
import { GatewayError } from '#shared/errors.ts'
import { asUserId, type UserId } from '#shared/ids.ts'
import type { NoteChange } from '../accounts/account-change.ts'
import type { Accounts } from '../accounts/accounts.ts'
import type { MailboxLink, MailboxLinks } from '../accounts/mailbox-links.ts'
import { ACCOUNT_PATH } from '../sign-in/confirmations.ts'
import type { GoogleAuthFlow } from '../sign-in/google-auth-flow.ts'
import { LOAN_DAYS } from './mailbox-list.ts'
import type { SignedInForm } from './signed-in-form.ts'

export interface MailboxRoutesParts {
  readonly act: SignedInForm
  readonly accounts: Pick<Accounts, 'find' | 'named'>
  readonly mailboxLinks: Pick<MailboxLinks, 'add' | 'of' | 'remove' | 'usersOf'>
  readonly clock: Clock
  /** The level that the stored Google grant allows; undefined without one. */
  readonly grantedLevel: (userId: UserId) => Promise<AccessLevel | undefined>
  readonly visits: Pick<GoogleAuthFlow, 'begin'>
  readonly note: NoteChange
}

/** Each is told to every process that serves a call. */
const MOST = 10

const Level = z.object({ level: AccessLevel })
const Other = z.object({ account: z.string().min(1).max(255).transform(asUserId) })

const DAY_MS = 86_400_000
/** So long after coming from Google may somebody lend their mailbox: an open browser is not enough. */
const FRESH_MS = 300_000

const Loan = z.object({
  address: z.string().trim().min(3).max(320),
  level: AccessLevel,
  days: z.coerce
    .number()
    .refine((days) => LOAN_DAYS.some(([offered]) => offered === days), 'not offered')
})

const STALE =
  'You signed in more than five minutes ago. To lend your mailbox, sign out, sign in again, and fill in the form anew.'
const UNKNOWN =
  'Nobody else who has signed in here has this address. They have to open this page and connect their Gmail first.'

/**
 * The forms with which a person adds another mailbox of theirs, lends their own to somebody else until a date, and either end
 * of a link ends it.
 */
export const mailboxRoutes: FastifyPluginAsync<MailboxRoutesParts> = async (
  scope,
  { act, accounts, mailboxLinks, visits, note, clock, grantedLevel }
) => {
  const unlink = async (link: MailboxLink, requestId: string): Promise<void> => {
    if (!(await mailboxLinks.remove(link))) return
    const change = { action: 'unlink_mailbox', requestId } as const
    await note({ ...change, userId: link.userId, target: link.mailbox })
    await note({ ...change, userId: link.mailbox, target: link.userId })
  }

  scope.post(
    `${ACCOUNT_PATH}/mailboxes/add`,
    act(async ({ userId }, request, reply) => {
      const { level } = Level.parse(request.body)
      if (!(await accounts.find(userId)))
        throw new GatewayError('ERR_FORM', 'Connect your Gmail first.')
      if ((await mailboxLinks.of(userId)).length >= MOST)
        throw new GatewayError('ERR_FORM', `You have ${MOST} other mailboxes; remove one first.`)
      await visits.begin(reply, { for: 'account', level, addedTo: userId, consentForced: false })
    })
  )

  /** Whom this mailbox can be lent to by that address. Throws ERR_FORM when there is nobody, or no room. */
  const borrowerFor = async (mailbox: UserId, address: string): Promise<UserId> => {
    const borrower = await accounts.named(address)
    // An account's id is no address, and nobody is to be named by it here.
    if (borrower?.email.toLowerCase() !== address.toLowerCase() || borrower.userId === mailbox)
      throw new GatewayError('ERR_FORM', UNKNOWN)
    const { userId } = borrower
    const others = (await mailboxLinks.usersOf(mailbox)).filter((one) => one.userId !== userId)
    const theirs = (await mailboxLinks.of(userId)).filter((one) => one.userId !== mailbox)
    if (others.length >= MOST || theirs.length >= MOST)
      throw new GatewayError('ERR_FORM', `No more than ${MOST} mailboxes can be linked.`)
    return userId
  }

  scope.post(
    `${ACCOUNT_PATH}/mailboxes/lend`,
    act(async ({ userId: mailbox, signedInAt }, request) => {
      const { address, level, days } = Loan.parse(request.body)
      if (clock.now() - signedInAt > FRESH_MS) throw new GatewayError('ERR_FORM', STALE)
      const granted = await grantedLevel(mailbox)
      if (!granted || !covers(granted, level))
        throw new GatewayError('ERR_FORM', 'Connect your Gmail with this access first.')
      const userId = await borrowerFor(mailbox, address)
      const change = { action: 'lend_mailbox', requestId: request.id } as const
      await note({ ...change, userId: mailbox, target: userId })
      await mailboxLinks.add({ userId, mailbox, level, until: clock.now() + days * DAY_MS })
    })
  )

  scope.post(
    `${ACCOUNT_PATH}/mailboxes/remove`,
    act(async ({ userId }, request) =>
      unlink({ userId, mailbox: Other.parse(request.body).account }, request.id)
    )
  )

  scope.post(
    `${ACCOUNT_PATH}/mailboxes/withdraw`,
    act(async ({ userId }, request) =>
      unlink({ userId: Other.parse(request.body).account, mailbox: userId }, request.id)
    )
  )
}
