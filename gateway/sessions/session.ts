import type { InitializeParams } from '#shared/channel.ts'
import type { UserId, WorkerId } from '#shared/ids.ts'

/** A legacy MCP session as the gateway knows it. The session id itself is kept nowhere: only its hash. */
export interface Session {
  /** SHA-256 of the session id. */
  readonly hash: string
  /** The session's public name, for people, logs and the admin API. */
  readonly handle: string
  readonly userId: UserId
  readonly clientId: string
  readonly initialize: InitializeParams
  /** Milliseconds since the epoch, like every time here. */
  readonly createdAt: number
  lastSeenAt: number
  /** HTTP requests since this gateway started. */
  requests: number
  inFlight: number
  /** The worker process that knows the session; another one must restore it first. */
  liveIn: WorkerId | undefined
  ended: EndReason | undefined
}

export type EndReason =
  | 'client' // DELETE by its client
  | 'admin' // ended by an operator
  | 'account' // ended by its owner on the account page, or with the account
  | 'elsewhere' // ended by another gateway over the same store, which has counted why
  | 'expired' // nobody used it for SESSION_TTL
  | 'limit' // its owner opened more than SESSIONS_PER_USER; the least recently used one ends
  | 'abandoned' // `initialize` failed after the session was stored
