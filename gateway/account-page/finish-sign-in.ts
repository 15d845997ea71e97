import type { FastifyReply } from 'fastify'
import type { AccessLevel } from '#shared/access-levels.ts'
import { GatewayError } from '#shared/errors.ts'
import type { UserId } from '#shared/ids.ts'
import type { NoteChange } from '../accounts/account-change.ts'
import type { FlowSecrets, Google, GoogleAccess, GoogleProfile } from '../accounts/google-oidc.ts'
import type { MailboxLink, MailboxLinks } from '../accounts/mailbox-links.ts'
import { type AdmittanceParts, admitAccount, tellDeclined } from '../sign-in/admit-account.ts'
import { ACCOUNT_PATH } from '../sign-in/confirmations.ts'
import type { AccountPurpose, GoogleAuthFlow } from '../sign-in/google-auth-flow.ts'
import type { AccountSession } from '../sign-in/page-session.ts'
import { REFUSALS } from '../sign-in/refusal-texts.ts'
import { noticePage } from '../web/notice-page.ts'
import type { SealedCookies } from '../web/sealed-cookies.ts'
import { sendPage } from '../web/send-page.ts'
import { confirmTokenPage } from './token-pages.ts'

/** What the forms of the account page are tied to: who is signed in there, or nobody. */
export const accountSubject = (userId: UserId | undefined): string => `account:${userId ?? ''}`

export interface AccountSignInParts extends AdmittanceParts {
  readonly google: Google
  readonly visits: GoogleAuthFlow
  readonly session: AccountSession
  readonly cookies: Pick<SealedCookies, 'formToken'>
  readonly mailboxLinks: Pick<MailboxLinks, 'add'>
  readonly note: NoteChange
}

/** The return from Google of somebody who opens the account page, or connects their mail there. */
export interface AccountSignIn {
  finish(
    reply: FastifyReply,
    callback: URL,
    visit: FlowSecrets,
    errand: AccountPurpose
  ): Promise<FastifyReply>
}

interface Back {
  readonly profile: GoogleProfile
  readonly access: GoogleAccess
}

type ConnectErrand = AccountPurpose & { readonly level: AccessLevel }

export function createAccountSignIn(parts: AccountSignInParts): AccountSignIn {
  const { google, visits, session, cookies, accounts, allowed } = parts

  const explain = (reply: FastifyReply, reason: keyof typeof REFUSALS): FastifyReply =>
    sendPage(reply, 403, noticePage({ ...REFUSALS[reason], tryAgain: ACCOUNT_PATH }))

  /** Looking at the account page takes no access to mail and stores nothing. */
  const refusalOf = async (profile: GoogleProfile) => {
    if (!profile.emailVerified) return 'unverified_email'
    if (!allowed(profile)) return 'not_allowed'
    return (await accounts.find(profile.userId))?.state === 'blocked' ? 'blocked' : undefined
  }

  /** The page of whoever signed in, or what they are to prove there. */
  const enter = async (reply: FastifyReply, profile: GoogleProfile, errand: AccountPurpose) => {
    await session.begin(reply, profile)
    if (!errand.token) return reply.redirect(ACCOUNT_PATH, 303)
    const formToken = cookies.formToken(accountSubject(profile.userId))
    return sendPage(reply, 200, confirmTokenPage(errand.token, formToken))
  }

  const look = async (reply: FastifyReply, profile: GoogleProfile, errand: AccountPurpose) => {
    const { userId } = profile
    const { id: requestId } = reply.request
    const refusal = await refusalOf(profile)
    if (refusal) {
      parts.tell({ userId, action: 'sign_in_refused', target: refusal, requestId })
      return explain(reply, refusal)
    }
    parts.tell({ userId, action: 'sign_in', target: 'account', requestId })
    return enter(reply, profile, errand)
  }

  /** The mailbox of whoever comes back may be used by whoever went there. */
  const addMailbox = async (reply: FastifyReply, link: MailboxLink, level: AccessLevel) => {
    const { userId, mailbox } = link
    if (mailbox !== userId) {
      const change = { action: 'link_mailbox', requestId: reply.request.id } as const
      // Each of the two finds it among what was done.
      await parts.note({ ...change, userId, target: mailbox })
      await parts.note({ ...change, userId: mailbox, target: userId })
      await parts.mailboxLinks.add({ ...link, level })
    }
    return reply.redirect(ACCOUNT_PATH, 303)
  }

  const connect = async (reply: FastifyReply, back: Back, errand: ConnectErrand) => {
    const { profile } = back
    const { level: wanted, consentForced, addedTo } = errand
    const visitor = addedTo === undefined ? undefined : await session.find(reply.request)
    // Whoever signed out meanwhile, or is somebody else by now, gets no other account's mailbox.
    if (visitor?.userId !== addedTo) throw signedOut()
    const { id: requestId } = reply.request
    const arrival = { ...back, wanted, consentForced, through: 'account', requestId }
    const outcome = await admitAccount(parts, arrival)
    if (outcome.kind === 'refused') return explain(reply, outcome.reason)
    if (outcome.kind === 'ask_again')
      return visits.begin(reply, { ...errand, consentForced: true }, profile.email)
    if (!visitor) return enter(reply, profile, errand)
    const link = { userId: visitor.userId, mailbox: profile.userId }
    return addMailbox(reply, link, outcome.level)
  }

  return {
    async finish(reply, callback, visit, errand) {
      if (callback.searchParams.has('error')) {
        tellDeclined(parts, reply)
        return explain(reply, 'declined_at_google')
      }
      const back = await google.finishVisit(callback, visit)
      const { level } = errand
      return level === undefined
        ? look(reply, back.profile, errand)
        : connect(reply, back, { ...errand, level })
    }
  }
}

const signedOut = (): GatewayError =>
  new GatewayError(
    'ERR_SIGN_IN',
    'You have signed out meanwhile, or are signed in with another account. Nothing was added; please begin again on the account page.'
  )
