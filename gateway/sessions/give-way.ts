import type { Session } from './session.ts'

/** A client that has just begun a session is about to use it, although nothing is open yet. */
const FRESH_MS = 10_000

/** Who wants room for a new session. */
export interface Newcomer {
  readonly clientId: string
  /** What the client calls itself. */
  readonly name: string
}

/**
 * The order in which an account's sessions give way when there are too many. First those that were left
 * behind, the newcomer's own before all others; then those that were used a moment ago; a session with an open
 * stream, or with a call in flight, only when nothing else is left. Of equals the least recently used.
 */
export function inOrderOfGivingWay(
  sessions: readonly Session[],
  newcomer: Newcomer,
  now: number
): Session[] {
  const rank = (session: Session): number => {
    if (session.inFlight > 0) return 3
    if (session.streams > 0) return 2
    return now - session.lastSeenAt < FRESH_MS ? 1 : 0
  }
  const foreign = ({ clientId, initialize }: Session): number =>
    clientId === newcomer.clientId && initialize.clientInfo.name === newcomer.name ? 0 : 1
  return sessions.toSorted(
    (a, b) => rank(a) - rank(b) || foreign(a) - foreign(b) || a.lastSeenAt - b.lastSeenAt
  )
}
