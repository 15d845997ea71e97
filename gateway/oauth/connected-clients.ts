import * as z from 'zod'
import { type AccessLevel, highestLevel } from '#shared/access-levels.ts'
import type { Clock } from '#shared/clock.ts'
import type { UserId } from '#shared/ids.ts'
import type { Store } from '../store/store.ts'

/** An MCP client that a person let in. */
export interface ConnectedClient {
  readonly clientId: string
  /** What the client calls itself, or where its metadata document lives. */
  readonly name: string
  readonly level: AccessLevel | undefined
  /** Milliseconds since the epoch: when the person consented last. */
  readonly since: number
}

export interface ConnectedClients {
  /** Latest consent first. */
  list(userId: UserId): Promise<readonly ConnectedClient[]>
  /** Ends every grant of this client for this person; its tokens stop at once. Idempotent. */
  revoke(userId: UserId, clientId: string): Promise<void>
}

export interface ConnectedClientsParts {
  readonly store: Store
  readonly clock: Clock
  readonly resource: string
}

const StoredGrant = z.object({ resources: z.record(z.string(), z.string()).default({}) })
const StoredClient = z.object({ client_name: z.string().optional() })

export function createConnectedClients(parts: ConnectedClientsParts): ConnectedClients {
  const { store, clock, resource } = parts
  const { db } = store

  const nameOf = async (clientId: string): Promise<string> => {
    const row = await db
      .selectFrom('oauth')
      .select('payload')
      .where('model', '=', 'Client')
      .where('id', '=', clientId)
      .executeTakeFirst()
    const stored = row && StoredClient.parse(JSON.parse(row.payload))
    return stored?.client_name ?? URL.parse(clientId)?.host ?? 'An application without a name'
  }

  return {
    async list(userId) {
      const rows = await db
        .selectFrom('oauth')
        .select(['client_id', 'payload', 'created_at'])
        .where('model', '=', 'Grant')
        .where('user_id', '=', userId)
        .where('client_id', 'is not', null)
        .where('expires_at', '>', clock.now())
        .orderBy('created_at', 'desc')
        .execute()
      const latest = new Map<string, Omit<ConnectedClient, 'name'>>()
      for (const { client_id: clientId, payload, created_at: since } of rows) {
        if (clientId === null || latest.has(clientId)) continue
        const { resources } = StoredGrant.parse(JSON.parse(payload))
        const level = highestLevel((resources[resource] ?? '').split(' '))
        latest.set(clientId, { clientId, level, since })
      }
      return Promise.all(
        [...latest.values()].map(async (client) => ({
          ...client,
          name: await nameOf(client.clientId)
        }))
      )
    },

    async revoke(userId, clientId) {
      await db
        .deleteFrom('oauth')
        .where('user_id', '=', userId)
        .where('client_id', '=', clientId)
        .execute()
    }
  }
}
