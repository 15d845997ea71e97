import type { AccessLevel } from '#shared/access-levels.ts'
import { GatewayError } from '#shared/errors.ts'
import type { UserId } from '#shared/ids.ts'
import type { Accounts } from '../accounts/accounts.ts'
import type { GoogleAccess, GoogleProfile } from '../accounts/google.ts'
import type { GoogleGrants } from '../accounts/google-grants.ts'
import { judge, type Refusal, type Verdict } from './verdict.ts'

export interface AdmittanceParts {
  readonly accounts: Pick<Accounts, 'admit' | 'find'>
  readonly grants: Pick<GoogleGrants, 'find' | 'put'>
  readonly allowed: (profile: GoogleProfile) => boolean
  /** The stored grant of this account changed: cached tokens are stale, its worker may do more or less. */
  readonly onGrantChanged: (userId: UserId) => void
}

export interface Arrival {
  readonly profile: GoogleProfile
  readonly access: GoogleAccess
  readonly wanted: AccessLevel
  readonly consentForced: boolean
}

export type Admitted =
  | { readonly kind: 'admitted'; readonly userId: UserId; readonly level: AccessLevel }
  | { readonly kind: 'refused'; readonly reason: Refusal | 'blocked' }
  | { readonly kind: 'ask_again' }

/** What would come of admitting this person now. Nothing is stored. */
export async function judgeArrival(
  { accounts, grants, allowed }: Omit<AdmittanceParts, 'onGrantChanged'>,
  { profile, access, wanted, consentForced }: Arrival
): Promise<Verdict | { readonly kind: 'refused'; readonly reason: 'blocked' }> {
  const { userId } = profile
  if ((await accounts.find(userId))?.state === 'blocked') {
    return { kind: 'refused', reason: 'blocked' }
  }
  return judge({
    profile,
    access,
    wanted,
    stored: (await storedGrant(grants, userId))?.scopes,
    consentForced,
    isAllowed: allowed(profile)
  })
}

/** Lets a person who comes back from Google in, or says why not; then nothing has been stored. */
export async function admitPerson(parts: AdmittanceParts, arrival: Arrival): Promise<Admitted> {
  const { accounts, grants, onGrantChanged } = parts
  const { profile } = arrival
  const { userId } = profile
  const verdict = await judgeArrival(parts, arrival)
  if (verdict.kind !== 'granted') return verdict
  await accounts.admit(profile)
  if (verdict.grant) {
    await grants.put(userId, verdict.grant.refreshToken, verdict.grant.scopes)
    onGrantChanged(userId)
  }
  return { kind: 'admitted', userId, level: verdict.level }
}

/** A grant whose key is gone is as good as none: the person gives a new one. */
async function storedGrant(grants: Pick<GoogleGrants, 'find'>, userId: UserId) {
  try {
    return await grants.find(userId)
  } catch (cause) {
    if (cause instanceof GatewayError && cause.code === 'ERR_VAULT') return undefined
    throw cause
  }
}
