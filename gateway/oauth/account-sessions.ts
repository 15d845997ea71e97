import type { UserId } from '#shared/ids.ts'

/** The client id of sessions that began without a token. */
export const TOOL_CLIENT = 'sign-in-by-tool'

/** A running MCP session, as its owner sees it. */
export interface AccountSessionView {
  /** Names the session; it is not the session id. */
  readonly handle: string
  readonly clientId: string
  readonly clientName: string
  /** Milliseconds since the epoch. */
  readonly createdAt: number
  readonly lastSeenAt: number
}

/** What the account page needs of the sessions. */
export interface AccountSessions {
  list(userId: UserId): Promise<readonly AccountSessionView[]>
  /** Ends it for good. Idempotent. */
  end(handle: string): Promise<void>
}
