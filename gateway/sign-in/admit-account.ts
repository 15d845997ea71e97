import type { AccessLevel } from '#shared/access-levels.ts'
import { GatewayError } from '#shared/errors.ts'
import type { UserId } from '#shared/ids.ts'
import type { TellAccountEvent } from '../accounts/account-change.ts'
import type { Accounts } from '../accounts/accounts.ts'
import type { GoogleGrants } from '../accounts/google-grants.ts'
import type { GoogleAccess, GoogleProfile } from '../accounts/google-oidc.ts'
import { decideSignIn, type Refusal, type SignInDecision } from './sign-in-policy.ts'

export interface AdmittanceParts {
  readonly accounts: Pick<Accounts, 'admit' | 'find'>
  readonly grants: Pick<GoogleGrants, 'find' | 'put'>
  readonly allowed: (profile: GoogleProfile) => boolean
  /** The stored grant of this account changed: cached tokens are stale, its worker may do more or less. */
  readonly onGrantChanged: (userId: UserId) => void
  /** Hears of who was let in, and who was not. */
  readonly tell: TellAccountEvent
}

export interface GoogleResult {
  readonly profile: GoogleProfile
  readonly access: GoogleAccess
  readonly wanted: AccessLevel
  readonly consentForced: boolean
  /** Where this person signs in: `account`, `tool`, or a client's id. */
  readonly through: string
  readonly requestId: string
}

export type Admitted =
  | { readonly kind: 'admitted'; readonly userId: UserId; readonly level: AccessLevel }
  | { readonly kind: 'refused'; readonly reason: Refusal | 'blocked' }
  | { readonly kind: 'ask_again' }

/** What would come of admitting this person now. Nothing is stored; a refusal is told of. */
export async function previewSignIn(
  parts: Omit<AdmittanceParts, 'onGrantChanged'>,
  arrival: GoogleResult
): Promise<SignInDecision | { readonly kind: 'refused'; readonly reason: 'blocked' }> {
  const verdict = await verdictOn(parts, arrival)
  if (verdict.kind === 'refused') {
    const { userId } = arrival.profile
    const { requestId } = arrival
    parts.tell({ userId, action: 'sign_in_refused', target: verdict.reason, requestId })
  }
  return verdict
}

async function verdictOn(
  { accounts, grants, allowed }: Omit<AdmittanceParts, 'onGrantChanged'>,
  { profile, access, wanted, consentForced }: GoogleResult
): ReturnType<typeof previewSignIn> {
  const { userId } = profile
  if ((await accounts.find(userId))?.state === 'blocked') {
    return { kind: 'refused', reason: 'blocked' }
  }
  return decideSignIn({
    profile,
    access,
    wanted,
    stored: (await storedGrant(grants, userId))?.scopes,
    consentForced,
    isAllowed: allowed(profile)
  })
}

/** Lets a person who comes back from Google in, or says why not; then nothing has been stored. */
export async function admitAccount(
  parts: AdmittanceParts,
  arrival: GoogleResult
): Promise<Admitted> {
  const { accounts, grants, onGrantChanged } = parts
  const { profile } = arrival
  const { userId } = profile
  const verdict = await previewSignIn(parts, arrival)
  if (verdict.kind !== 'granted') return verdict
  await accounts.admit(profile)
  if (verdict.grant) {
    await grants.put(userId, verdict.grant.refreshToken, verdict.grant.scopes)
    onGrantChanged(userId)
  }
  const { through: target, requestId } = arrival
  parts.tell({ userId, action: 'sign_in', target, level: verdict.level, requestId })
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

/** Somebody said no at Google, who did not say who it was. */
export const tellDeclined = (
  { tell }: Pick<AdmittanceParts, 'tell'>,
  { request: { id: requestId } }: { readonly request: { readonly id: string } }
): void =>
  tell({ userId: undefined, action: 'sign_in_refused', target: 'declined_at_google', requestId })
