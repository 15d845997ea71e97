import type { UserId } from '#shared/ids.ts'
import type { SessionRegistry } from './registry.ts'
import type { EndReason } from './session.ts'

/** What the account page needs of the sessions. */
export interface AccountSessions {
  list(userId: UserId): Promise<readonly AccountSessionView[]>
  /** Ends it for good. Idempotent. */
  end(handle: string): Promise<void>
}

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

/** The client id of sessions that began without a token. */
export const TOOL_CLIENT = 'sign-in-by-tool'

/** Shown at once; SESSIONS_PER_USER allows more. */
const MOST = 1000

/** A person's own sessions, as the account page shows and ends them; operators end them for another reason. */
export const accountSessions = (registry: SessionRegistry, reason: EndReason = 'account') => ({
  async list(userId: UserId) {
    const sessions = await registry.list({ userId, limit: MOST })
    return sessions.map(({ handle, clientId, initialize, createdAt, lastSeenAt }) => ({
      handle,
      clientId,
      clientName: initialize.clientInfo.name,
      createdAt,
      lastSeenAt
    }))
  },
  async end(handle: string): Promise<void> {
    await registry.end(handle, reason)
  },
  /** Ends all of a person's sessions; answers their handles. */
  async endAll(userId: UserId): Promise<string[]> {
    const ended: string[] = []
    for (;;) {
      const sessions = await registry.list({ userId, limit: MOST })
      for (const { handle } of sessions) {
        await registry.end(handle, reason)
        ended.push(handle)
      }
      if (sessions.length < MOST) return ended
    }
  }
})
