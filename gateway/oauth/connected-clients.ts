import * as z from 'zod'
import { type AccessLevel, highestLevel } from '#shared/access-levels.ts'
import type { Clock } from '#shared/clock.ts'
import type { UserId } from '#shared/ids.ts'
import type { Store } from '../store/store.ts'
import { redirectTarget } from './redirect-target.ts'

/** An MCP client that a person let in. */
export interface ConnectedClient {
  readonly clientId: string
  /** What the client calls itself, or where its metadata document lives. */
  readonly name: string
  /** Where its access goes, in a person's words. */
  readonly place: string
  readonly level: AccessLevel | undefined
  /** Milliseconds since the epoch: when the person let it in first. */
  readonly since: number
  /** When it got a token last, which it needs every few minutes while it is at work. */
  readonly lastUsedAt: number
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
const StoredClient = z.object({
  client_name: z.string().optional(),
  redirect_uris: z.array(z.string()).default([])
})

export function createConnectedClients(parts: ConnectedClientsParts): ConnectedClients {
  const { store, clock, resource } = parts
  const { db } = store

  const granted = (clientId: string, payload: string, at: number) => {
    const { resources } = StoredGrant.parse(JSON.parse(payload))
    const level = highestLevel((resources[resource] ?? '').split(' '))
    return { clientId, level, since: at, lastUsedAt: at }
  }

  const identityOf = async (clientId: string): Promise<Pick<ConnectedClient, 'name' | 'place'>> => {
    const row = await db
      .selectFrom('oauth')
      .select('payload')
      .where('model', '=', 'Client')
      .where('id', '=', clientId)
      .executeTakeFirst()
    const { client_name: name, redirect_uris: redirects } = StoredClient.parse(
      row ? JSON.parse(row.payload) : {}
    )
    const host = clientId.startsWith('https://') ? URL.parse(clientId)?.host : undefined
    const places = new Set(redirects.map(redirectTarget))
    return {
      name: name ?? host ?? 'An application without a name',
      place: host ?? ([...places].join(' or ') || 'an application that is not known any more')
    }
  }

  return {
    async list(userId) {
      const rows = await db
        .selectFrom('oauth')
        .select(['model', 'client_id', 'payload', 'created_at'])
        .where('model', 'in', ['Grant', 'AccessToken', 'RefreshToken'])
        .where('user_id', '=', userId)
        .where('client_id', 'is not', null)
        .where('expires_at', '>', clock.now())
        .orderBy('created_at', 'desc')
        .execute()
      const found = new Map<string, Omit<ConnectedClient, 'name' | 'place'>>()
      for (const { client_id, payload, created_at: at } of rows.filter(isGrant)) {
        const clientId = client_id ?? ''
        const later = found.get(clientId) // the latest consent counts, the earliest was the first
        found.set(clientId, later ? { ...later, since: at } : granted(clientId, payload, at))
      }
      for (const { client_id, created_at: at } of rows) {
        const client = found.get(client_id ?? '')
        if (client && at > client.lastUsedAt)
          found.set(client.clientId, { ...client, lastUsedAt: at })
      }
      return Promise.all(
        [...found.values()].map(async (client) => ({
          ...client,
          ...(await identityOf(client.clientId))
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

const isGrant = ({ model }: { readonly model: string }): boolean => model === 'Grant'
