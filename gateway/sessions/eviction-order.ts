import type { Session } from './session.ts'

/** A client that has just begun a session is about to use it, although nothing is open yet. */
const FRESH_MS = 10_000
/** So many at a time: some clients begin two at once and use one of them (Claude Code, after a 404). */
const MOST_FRESH = 2

/** Who wants room for a new session. */
export interface Newcomer {
  readonly clientId: string
  /** What the client calls itself. */
  readonly name: string
}

/**
 * The order in which an account's sessions give way when there are too many. First those that the newcomer left
 * behind itself, then those that others did, then what the newcomer began a moment ago; a session with an open
 * stream, or with a call in flight, only when nothing else is left. Of equals the least recently used.
 */
export function evictionOrder(
  sessions: readonly Session[],
  newcomer: Newcomer,
  now: number
): Session[] {
  const isOwn = ({ clientId, initialize }: Session): boolean =>
    clientId === newcomer.clientId && initialize.clientInfo.name === newcomer.name
  const fresh = sessions
    .filter((session) => isOwn(session) && now - session.lastSeenAt < FRESH_MS)
    .sort((a, b) => b.lastSeenAt - a.lastSeenAt)
    .slice(0, MOST_FRESH)
  const rank = (session: Session): number => {
    if (session.inFlight > 0) return 4
    if (session.streams > 0) return 3
    if (fresh.includes(session)) return 2
    return isOwn(session) ? 0 : 1
  }
  return sessions.toSorted((a, b) => rank(a) - rank(b) || a.lastSeenAt - b.lastSeenAt)
}
