import type { Account } from '../sandbox-user.ts'
import { EMAIL_SCOPE, PROFILE_SCOPE } from './scopes.ts'

/** What the scopes allow a client to know about an account (OpenID Connect Core §5.1). */
export function identityClaims(
  account: Account,
  scopes: readonly string[]
): Record<string, unknown> {
  const { sub, hd, email, emailVerified, name } = account
  const [given_name, family_name] = name.split(/ (.*)/)
  return {
    sub,
    ...(hd === undefined ? {} : { hd }),
    ...(scopes.includes(EMAIL_SCOPE) ? { email, email_verified: emailVerified } : {}),
    ...(scopes.includes(PROFILE_SCOPE) ? { name, given_name, family_name } : {})
  }
}
