import { type AccessLevel, covers, lesserLevel, levelGrantedBy } from '#shared/access-levels.ts'
import type { GoogleAccess, GoogleProfile } from '../accounts/google-oidc.ts'

export interface GoogleAnswer {
  readonly profile: GoogleProfile
  readonly access: Pick<GoogleAccess, 'refreshToken' | 'scopes'>
  /** What the person chose on our page. */
  readonly wanted: AccessLevel
  /** The scopes of the grant that is stored already; undefined without one. */
  readonly stored: readonly string[] | undefined
  /** Whether Google was made to ask for consent (`prompt=consent`) on this visit. */
  readonly consentForced: boolean
  readonly isAllowed: boolean
}

export type Refusal = 'unverified_email' | 'not_allowed' | 'no_gmail_access' | 'no_lasting_access'

export type SignInDecision =
  | { readonly kind: 'refused'; readonly reason: Refusal }
  /** Google must be visited again with `prompt=consent`, or it will not give a refresh token. */
  | { readonly kind: 'ask_again' }
  | {
      readonly kind: 'granted'
      readonly level: AccessLevel
      /** To be stored; undefined when the stored grant is good for this level. */
      readonly grant:
        | { readonly refreshToken: string; readonly scopes: readonly string[] }
        | undefined
    }

/**
 * What follows from Google's answer. What Google really granted decides, not what was asked. Google
 * keeps few refresh tokens for each person and client and drops the oldest silently, so a stored one is
 * used as long as it does.
 */
export function decideSignIn(answer: GoogleAnswer): SignInDecision {
  const { profile, access, wanted, stored, consentForced, isAllowed } = answer
  if (!profile.emailVerified) return refused('unverified_email')
  if (!isAllowed) return refused('not_allowed')
  const grantedNow = levelGrantedBy(access.scopes ?? [])
  if (!grantedNow) return refused('no_gmail_access')
  const level = lesserLevel(wanted, grantedNow)
  if (access.refreshToken !== undefined) {
    const grant = { refreshToken: access.refreshToken, scopes: access.scopes ?? [] }
    return { kind: 'granted', level, grant }
  }
  const storedLevel = stored && levelGrantedBy(stored)
  if (storedLevel && covers(storedLevel, level)) return { kind: 'granted', level, grant: undefined }
  return consentForced ? refused('no_lasting_access') : { kind: 'ask_again' }
}

const refused = (reason: Refusal): SignInDecision => ({ kind: 'refused', reason })
