import type { GoogleGrants } from '../accounts/google-grants.ts'
import type { Google } from '../accounts/google-oidc.ts'
import type { GoogleResult } from '../sign-in/admit-account.ts'

/**
 * Gives back what Google granted and nobody took. Google ends all access of an account at once, so whoever
 * uses this gateway already keeps it. Rejects when Google cannot be reached.
 */
export async function revokeUnusedGrant(
  parts: { google: Pick<Google, 'revoke'>; grants: Pick<GoogleGrants, 'scopes'> },
  { profile, access }: GoogleResult
): Promise<void> {
  const isUsed = (await parts.grants.scopes(profile.userId)).length > 0
  if (!isUsed) await parts.google.revoke(access.refreshToken ?? access.accessToken)
}
