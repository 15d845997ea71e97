/** A session as its row in the store, and back. */
import { AccessLevel } from '#shared/access-levels.ts'
import { asUserId } from '#shared/ids.ts'
import { InitializeParams } from '#shared/worker-protocol.ts'
import type { SessionRow } from '../store/schema.ts'
import type { Session } from './session.ts'

const NAME_LIMIT = 200

/** As much of a client's name as its row holds. */
export const keptName = (name: string): string => name.slice(0, NAME_LIMIT)

/** `initialize` is the session's, as JSON. */
export const rowOf = (session: Session, initialize: string): SessionRow => ({
  hash: session.hash,
  handle: session.handle,
  user_id: session.userId,
  client_id: session.clientId,
  client_name: keptName(session.initialize.clientInfo.name),
  client_version: session.initialize.clientInfo.version.slice(0, NAME_LIMIT),
  protocol_version: session.initialize.protocolVersion,
  initialize,
  created_at: session.createdAt,
  last_seen_at: session.lastSeenAt,
  level: session.level ?? null,
  expires_at: session.expiresAt ?? null,
  token_hash: session.tokenHash ?? null
})

/** `startedAt`: when this gateway began to know sessions, in milliseconds since the epoch. */
export const sessionOf = (row: SessionRow, startedAt: number): Session => ({
  hash: row.hash,
  handle: row.handle,
  ...ownerColumns(row),
  clientId: row.client_id,
  initialize: InitializeParams.parse(JSON.parse(row.initialize)),
  createdAt: row.created_at,
  lastSeenAt: row.last_seen_at,
  requests: 0,
  inFlight: 0,
  streams: 0,
  liveIn: undefined,
  asleepBy: row.last_seen_at < startedAt ? 'deploy' : 'hibernation',
  ended: undefined
})

/** What changes when somebody signs in to a session. */
export type OwnerColumns = Pick<SessionRow, 'user_id' | 'level' | 'expires_at' | 'token_hash'>

export const ownerColumns = (
  row: OwnerColumns
): Pick<Session, 'userId' | 'level' | 'expiresAt' | 'tokenHash'> => ({
  userId: asUserId(row.user_id),
  level: row.level === null ? undefined : AccessLevel.parse(row.level),
  expiresAt: row.expires_at ?? undefined,
  tokenHash: row.token_hash ?? undefined
})
