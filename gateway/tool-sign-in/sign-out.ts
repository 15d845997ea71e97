import type { Clock } from '#shared/clock.ts'
import { GatewayError } from '#shared/errors.ts'
import type { UserId, WorkerId } from '#shared/ids.ts'
import type { NoteChange } from '../accounts/account-change.ts'
import type { Accounts } from '../accounts/accounts.ts'
import type { Caller } from '../accounts/bearer-tokens.ts'
import type { GoogleGrants } from '../accounts/google-grants.ts'
import type { Google } from '../accounts/google-oidc.ts'
import type { PersonalTokens } from '../accounts/personal-tokens.ts'
import { onResponseClose } from '../http/on-response-close.ts'
import type { ConnectedClients } from '../oauth/connected-clients.ts'
import type { Exchanges } from '../relay/exchange.ts'
import type { SessionRegistry } from '../sessions/registry.ts'
import type { Session } from '../sessions/session.ts'

export interface SignOutParts {
  readonly clock: Clock
  readonly google: Pick<Google, 'revoke'>
  readonly grants: Pick<GoogleGrants, 'find'>
  readonly exchanges: Pick<Exchanges, 'ofSession' | 'ofWorker'>
  readonly sessions: Pick<SessionRegistry, 'end' | 'list'>
  readonly accounts: Pick<Accounts, 'erase'>
  readonly clients: Pick<ConnectedClients, 'revoke'>
  readonly personalTokens: Pick<PersonalTokens, 'revoke'>
  readonly note: NoteChange
  /** Stops the person's worker and ends all their sessions. */
  readonly onErase: (userId: UserId) => Promise<void>
}

/** An answer that takes longer than this to reach its client is cut off. */
const GRACE_MS = 2000
/** A person has far fewer sessions. */
const MOST_SESSIONS = 1000

export interface SignOutRequest {
  readonly userId: UserId
  /** The process that asked. */
  readonly workerId: WorkerId
  /** Undefined outside of sessions: then only more than the session can end. */
  readonly session: Session | undefined
  /** Who called, as its token said; undefined when that is not known any more. */
  readonly caller: Caller | undefined
  readonly ends: 'session' | 'application' | 'account'
}

export interface SignedOut {
  readonly revokedAtGoogle: boolean
  /** What ends, ends here: once the answers that are under way have reached the client. */
  after(): Promise<void>
}

/**
 * What a caller may end that asks for as much as it can: with less than everything it may not take away what the
 * person gave to others; neither may who uses another account's mailbox.
 */
export const mostThatEnds = (caller: Caller | undefined): 'application' | 'account' =>
  caller?.level === 'gmail.full' && caller.person === undefined ? 'account' : 'application'

/**
 * Signs a session out; or an application, with all its tokens and sessions; or everybody: then the person's access at
 * Google is revoked, and all that is stored of them erased, as on the account page.
 */
export async function signOut(parts: SignOutParts, leaver: SignOutRequest): Promise<SignedOut> {
  const { userId, session, ends } = leaver
  const by = { userId, requestId: undefined }
  const revokedAtGoogle = ends === 'account' && (await revokeAtGoogle(parts, userId))
  return {
    revokedAtGoogle,
    async after() {
      await answered(parts, leaver)
      if (session) {
        await parts.note({ ...by, action: 'end_session', target: session.handle })
        await parts.sessions.end(session.handle, 'account')
      }
      if (ends === 'application') await disconnect(parts, leaver)
      if (ends !== 'account') return
      await parts.note({ ...by, action: 'erase_account', target: 'account' })
      await parts.onErase(userId)
      await parts.accounts.erase(userId)
    }
  }
}

/** Ends what the caller's own access rests on. */
async function disconnect(parts: SignOutParts, { userId, caller }: SignOutRequest): Promise<void> {
  const { clients, personalTokens, sessions, note } = parts
  if (!caller) return
  const { credential, clientId, accessId, person = userId } = caller
  const by = { userId: person, requestId: undefined }
  if (credential !== 'oauth') {
    if (accessId === '') return // the session was all there was
    await note({ ...by, action: 'revoke_token', target: accessId })
    await personalTokens.revoke(userId, accessId)
    return
  }
  await note({ ...by, action: 'disconnect_client', target: clientId })
  await clients.revoke(person, clientId)
  if (person !== userId) return // the other sessions with this mailbox are its owner's, or somebody else's
  for (const { handle, clientId: of } of await sessions.list({ userId, limit: MOST_SESSIONS }))
    if (of === clientId) await sessions.end(handle, 'account')
}

async function revokeAtGoogle({ google, grants }: SignOutParts, userId: UserId): Promise<boolean> {
  try {
    const grant = await grants.find(userId)
    if (grant) await google.revoke(grant.refreshToken)
    return true
  } catch (cause) {
    if (cause instanceof GatewayError) return false // the rows go all the same
    throw cause
  }
}

/** Resolves when every call that would be cut off is answered, or has had its time. */
async function answered(
  { clock, exchanges }: SignOutParts,
  { session, workerId, ends }: SignOutRequest
): Promise<void> {
  const ending =
    ends !== 'session' || !session ? exchanges.ofWorker(workerId) : exchanges.ofSession(session)
  const calls = ending.map(({ reply }) => {
    const { promise, resolve } = Promise.withResolvers<void>()
    onResponseClose(reply, resolve)
    return promise
  })
  const { promise: timeUp, resolve } = Promise.withResolvers<void>()
  const cancel = clock.after(GRACE_MS, resolve)
  await Promise.race([Promise.all(calls), timeUp])
  cancel()
}
