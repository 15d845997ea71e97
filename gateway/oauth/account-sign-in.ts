import type { FastifyReply } from 'fastify'
import type { UserId } from '#shared/ids.ts'
import type { Google, GoogleProfile, GoogleVisit } from '../accounts/google.ts'
import type { AccountSession } from './account-session.ts'
import { type AdmittanceParts, admitPerson, tellDeclined } from './admittance.ts'
import type { AccountErrand, GoogleVisits } from './google-visits.ts'
import { noticePage } from './pages/notice-page.ts'
import { REFUSALS } from './pages/refusals.ts'
import { sendPage } from './pages/send-page.ts'
import { confirmTokenPage } from './pages/token-pages.ts'
import type { SealedCookies } from './sealed-cookies.ts'

/** Where people see and end what they allowed. */
export const ACCOUNT_PATH = '/account'

/** What the forms of the account page are tied to: who is signed in there, or nobody. */
export const accountSubject = (userId: UserId | undefined): string => `account:${userId ?? ''}`

export interface AccountSignInParts extends AdmittanceParts {
  readonly google: Google
  readonly visits: GoogleVisits
  readonly session: AccountSession
  readonly cookies: Pick<SealedCookies, 'formToken'>
}

/** The return from Google of somebody who opens the account page, or connects their mail there. */
export interface AccountSignIn {
  finish(
    reply: FastifyReply,
    callback: URL,
    visit: GoogleVisit,
    errand: AccountErrand
  ): Promise<FastifyReply>
}

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

  return {
    async finish(reply, callback, visit, errand) {
      if (callback.searchParams.has('error')) {
        tellDeclined(parts, reply)
        return explain(reply, 'declined_at_google')
      }
      const requestId = reply.request.id
      const { profile, access } = await google.finishVisit(callback, visit)
      if (errand.level === undefined) {
        const refusal = await refusalOf(profile)
        const { userId } = profile
        if (refusal) {
          parts.tell({ userId, action: 'sign_in_refused', target: refusal, requestId })
          return explain(reply, refusal)
        }
        parts.tell({ userId, action: 'sign_in', target: 'account', requestId })
      } else {
        const { level: wanted, consentForced } = errand
        const outcome = await admitPerson(parts, {
          ...{ profile, access, wanted, consentForced },
          ...{ through: 'account', requestId }
        })
        if (outcome.kind === 'refused') return explain(reply, outcome.reason)
        if (outcome.kind === 'ask_again') {
          return visits.begin(reply, { ...errand, consentForced: true }, profile.email)
        }
      }
      await session.begin(reply, profile)
      if (errand.token) {
        const formToken = cookies.formToken(accountSubject(profile.userId))
        return sendPage(reply, 200, confirmTokenPage(errand.token, formToken))
      }
      return reply.redirect(ACCOUNT_PATH, 303)
    }
  }
}
