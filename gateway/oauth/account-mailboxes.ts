import type { FastifyPluginAsync } from 'fastify'
import * as z from 'zod'
import { AccessLevel } from '#shared/access-levels.ts'
import { GatewayError } from '#shared/errors.ts'
import { asUserId } from '#shared/ids.ts'
import type { Accounts } from '../accounts/accounts.ts'
import type { MailboxLink, MailboxLinks } from '../accounts/mailbox-links.ts'
import type { NoteChange } from './account-change.ts'
import type { OwnForm } from './account-form.ts'
import { ACCOUNT_PATH } from './account-sign-in.ts'
import type { GoogleVisits } from './google-visits.ts'

export interface MailboxRoutesParts {
  readonly act: OwnForm
  readonly accounts: Pick<Accounts, 'find'>
  readonly mailboxLinks: Pick<MailboxLinks, 'of' | 'remove'>
  readonly visits: Pick<GoogleVisits, 'begin'>
  readonly note: NoteChange
}

/** Each is told to every process that serves a call. */
const MOST = 10

const Level = z.object({ level: AccessLevel })
const Other = z.object({ account: z.string().min(1).max(255).transform(asUserId) })

/** The forms with which a person adds another mailbox of theirs, and either end of a link ends it. */
export const mailboxRoutes: FastifyPluginAsync<MailboxRoutesParts> = async (
  scope,
  { act, accounts, mailboxLinks, visits, note }
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
