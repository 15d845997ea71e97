import type { Clock } from '#shared/clock.ts'
import { GatewayError } from '#shared/errors.ts'
import type { UserId, WorkerId } from '#shared/ids.ts'
import type { Accounts } from '../accounts/accounts.ts'
import type { Google } from '../accounts/google.ts'
import type { GoogleGrants } from '../accounts/google-grants.ts'
import type { Exchanges } from '../http/exchange.ts'
import { whenClosed } from '../http/when-closed.ts'
import type { NoteChange } from '../oauth/account-change.ts'
import type { SessionRegistry } from '../sessions/registry.ts'
import type { Session } from '../sessions/session.ts'

export interface SignOutParts {
  readonly clock: Clock
  readonly google: Pick<Google, 'revoke'>
  readonly grants: Pick<GoogleGrants, 'find'>
  readonly exchanges: Pick<Exchanges, 'ofSession' | 'ofWorker'>
  readonly sessions: Pick<SessionRegistry, 'end'>
  readonly accounts: Pick<Accounts, 'erase'>
  readonly note: NoteChange
  /** Stops the person's worker and ends all their sessions. */
  readonly onErase: (userId: UserId) => Promise<void>
}

/** An answer that takes longer than this to reach its client is cut off. */
const GRACE_MS = 2000

export interface Leaver {
  readonly userId: UserId
  /** The process that asked. */
  readonly workerId: WorkerId
  /** Undefined outside of sessions: then only `revoke` ends anything. */
  readonly session: Session | undefined
  readonly revoke: boolean
}

export interface SignedOut {
  readonly revokedAtGoogle: boolean
  /** What ends, ends here: once the answers that are under way have reached the client. */
  after(): Promise<void>
}

/**
 * Signs a session out; with `revoke` the person's access at Google is revoked, and then all that is stored
 * of them erased, as on the account page.
 */
export async function signOut(parts: SignOutParts, leaver: Leaver): Promise<SignedOut> {
  const { userId, session, revoke } = leaver
  const by = { userId, requestId: undefined }
  const revokedAtGoogle = revoke && (await revokeAtGoogle(parts, userId))
  return {
    revokedAtGoogle,
    async after() {
      await answered(parts, leaver)
      if (session) {
        await parts.note({ ...by, action: 'end_session', target: session.handle })
        await parts.sessions.end(session.handle, 'account')
      }
      if (!revoke) return
      await parts.note({ ...by, action: 'erase_account', target: 'account' })
      await parts.onErase(userId)
      await parts.accounts.erase(userId)
    }
  }
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
  { session, workerId, revoke }: Leaver
): Promise<void> {
  const ending = revoke || !session ? exchanges.ofWorker(workerId) : exchanges.ofSession(session)
  const calls = ending.map(({ reply }) => {
    const { promise, resolve } = Promise.withResolvers<void>()
    whenClosed(reply, resolve)
    return promise
  })
  const { promise: timeUp, resolve } = Promise.withResolvers<void>()
  const cancel = clock.after(GRACE_MS, resolve)
  await Promise.race([Promise.all(calls), timeUp])
  cancel()
}
