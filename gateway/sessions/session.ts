import type { AccessLevel } from '#shared/access-levels.ts'
import type { UserId, WorkerId } from '#shared/ids.ts'
import type { InitializeParams } from '#shared/worker-protocol.ts'

/** A legacy MCP session as the gateway knows it. The session id itself is kept nowhere: only its hash. */
export interface Session {
  /** SHA-256 of the session id. */
  readonly hash: string
  /** The session's public name, for people, logs and the admin API. */
  readonly handle: string
  /** Changes once at most: when a session of nobody becomes somebody's. */
  userId: UserId
  readonly clientId: string
  readonly initialize: InitializeParams
  /** Milliseconds since the epoch, like every time here. */
  readonly createdAt: number
  /** What a sign-in by tool allows here, whatever the caller's token says; undefined without one. */
  level: AccessLevel | undefined
  /**
   * Set for a session that began without a token: its id is the only credential, and this is when it ends.
   * Undefined for a session whose calls need a token.
   */
  expiresAt: number | undefined
  /** The personal token (its hash) that such a session was signed in with, and ends with. */
  tokenHash: string | undefined
  lastSeenAt: number
  /** HTTP requests since this gateway started. */
  requests: number
  inFlight: number
  /** Event streams that its client holds open here: 0 or 1. */
  streams: number
  /** The worker process that knows the session; another one must restore it first. */
  liveIn: WorkerId | undefined
  /** Why no worker knows it, when none does. */
  asleepBy: HibernationCause
  ended: EndReason | undefined
}

export type HibernationCause =
  | 'crash' // its worker failed
  | 'hibernation' // its worker was stopped, most often because nobody used it
  | 'deploy' // this gateway has started since
  | 'migration' // another gateway had it meanwhile

export type EndReason =
  | 'client' // DELETE by its client
  | 'admin' // ended by an operator
  | 'account' // ended by its owner on the account page, or with the account
  | 'elsewhere' // ended by another gateway over the same store, which has counted why
  | 'expired' // nobody used it for SESSION_TTL
  | 'limit' // its owner opened more than SESSIONS_PER_USER; one that was left behind ends
  | 'abandoned' // `initialize` failed after the session was stored
