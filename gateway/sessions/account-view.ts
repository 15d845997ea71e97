import type { UserId } from '#shared/ids.ts'
import type { SessionRegistry } from './registry.ts'

/** A person has at most SESSIONS_PER_USER of them; this is above any setting's use. */
const MOST = 1000

/** A person's own sessions, as the account page shows and ends them. */
export const accountSessions = (registry: SessionRegistry) => ({
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
    await registry.end(handle, 'account')
  },
  /** Ends all of a person's sessions. */
  async endAll(userId: UserId): Promise<void> {
    for (const { handle } of await registry.list({ userId, limit: MOST }))
      await registry.end(handle, 'account')
  }
})
