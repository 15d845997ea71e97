import type { FastifyReply } from 'fastify'
import type { Google, GoogleProfile, GoogleVisit } from '../accounts/google.ts'
import type { AccountSession } from './account-session.ts'
import { type AdmittanceParts, admitPerson } from './admittance.ts'
import type { AccountErrand, GoogleVisits } from './google-visits.ts'
import { noticePage } from './pages/notice-page.ts'
import { REFUSALS } from './pages/refusals.ts'
import { sendPage } from './pages/send-page.ts'

/** Where people see and end what they allowed. */
export const ACCOUNT_PATH = '/account'

export interface AccountSignInParts extends AdmittanceParts {
  readonly google: Google
  readonly visits: GoogleVisits
  readonly session: AccountSession
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
  const { google, visits, session, accounts, allowed } = parts

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
      if (callback.searchParams.has('error')) return explain(reply, 'declined_at_google')
      const { profile, access } = await google.finishVisit(callback, visit)
      if (errand.level === undefined) {
        const refusal = await refusalOf(profile)
        if (refusal) return explain(reply, refusal)
      } else {
        const { level: wanted, consentForced } = errand
        const outcome = await admitPerson(parts, { profile, access, wanted, consentForced })
        if (outcome.kind === 'refused') return explain(reply, outcome.reason)
        if (outcome.kind === 'ask_again') {
          return visits.begin(reply, { ...errand, consentForced: true }, profile.email)
        }
      }
      await session.begin(reply, profile)
      return reply.redirect(ACCOUNT_PATH, 303)
    }
  }
}
