import { type AccessLevel, covers } from '#shared/access-levels.ts'
import { isAnonymous, type UserId } from '#shared/ids.ts'
import type { ClientStreams } from '../mcp/client-streams.ts'
import type { SessionRegistry, SignedIn } from '../sessions/registry.ts'
import type { Session } from '../sessions/session.ts'
import type { Supervisor } from '../supervisor/supervisor.ts'

export interface BindParts {
  readonly sessions: Pick<SessionRegistry, 'bind' | 'allow'>
  readonly streams: Pick<ClientStreams, 'adopt'>
  readonly supervisor: Pick<Supervisor, 'stop'>
  /** Starts the person's worker if somebody listens, and tells clients to list the tools again. */
  readonly announce: (userId: UserId) => void
}

/**
 * Makes a session the person's, at their level. From nobody's session the open stream comes along; `after`
 * ends nobody's process once its last answer is out. In a session that is theirs already more is allowed.
 */
export async function bindSession(
  parts: BindParts,
  session: Session,
  to: SignedIn
): Promise<{ after(): void }> {
  const { sessions, streams, supervisor, announce } = parts
  const before = session.userId
  if (!isAnonymous(before)) {
    await sessions.allow(session, { ...to, level: higher(session.level, to.level) })
    return { after() {} }
  }
  await sessions.bind(session, to)
  streams.adopt(session, before)
  return {
    after() {
      void supervisor.stop(before, 'signed_in', 'drain') // never rejects
      announce(to.userId)
    }
  }
}

const higher = (a: AccessLevel | undefined, b: AccessLevel): AccessLevel =>
  a !== undefined && covers(a, b) ? a : b
