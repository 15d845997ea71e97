import type { Clock } from '#shared/clock.ts'
import type { Store } from '../store/store.ts'
import type { PersonalTokens } from './personal-tokens.ts'

/** The credential that somebody's access rests on. */
export interface Access {
  /** `session`: no token, but the id of a session that needs none. */
  readonly credential: 'oauth' | 'personal' | 'session'
  /** Names it among its kind; it cannot be used in its place. */
  readonly accessId: string
  /** The consent that an OAuth token was issued on; it outlives the token. */
  readonly grantId?: string | undefined
  /** Seconds since the epoch. */
  readonly expiresAt: number
}

export interface LivenessParts {
  readonly store: Store
  readonly personalTokens: Pick<PersonalTokens, 'isLive'>
  readonly clock: Clock
}

/**
 * Answers whether what was verified once would be again; of an OAuth token that has had its time, whether its client has
 * another one on the same consent: what it opened with the old one goes on, for it is told of none of them.
 */
export function createLiveness({ store, personalTokens, clock }: LivenessParts) {
  const { db } = store
  const tokenWithOwner = store.prepared(
    db
      .selectFrom('oauth')
      .innerJoin('users', 'users.id', 'oauth.user_id')
      .select(['oauth.expires_at', 'users.state'])
      .where('oauth.model', '=', 'AccessToken')
      .where('oauth.id', '=', '')
  )
  const ownerIfBlocked = store.prepared(
    db
      .selectFrom('personal_tokens')
      .innerJoin('users', 'users.id', 'personal_tokens.user_id')
      .select('users.id')
      .where('personal_tokens.hash', '=', '')
      .where('users.state', '=', 'blocked')
  )

  const isTokenLive = async (id: string): Promise<boolean> => {
    const [row] = await tokenWithOwner('AccessToken', id)
    return row !== undefined && row.state !== 'blocked' && (row.expires_at ?? 0) > clock.now()
  }

  const isGrantLive = async (grantId: string): Promise<boolean> => {
    const live = await db
      .selectFrom('oauth')
      .innerJoin('users', 'users.id', 'oauth.user_id')
      .select('oauth.id')
      .where('oauth.grant_id', '=', grantId)
      .where('oauth.model', 'in', ['AccessToken', 'RefreshToken'])
      .where('oauth.consumed_at', 'is', null)
      .where('oauth.expires_at', '>', clock.now())
      .where('users.state', '=', 'active')
      .executeTakeFirst()
    return live !== undefined
  }

  return async ({ credential, accessId, grantId, expiresAt }: Access): Promise<boolean> => {
    const isOver = expiresAt * 1000 <= clock.now()
    if (isOver && credential === 'oauth') return grantId !== undefined && isGrantLive(grantId)
    if (isOver) return false
    if (credential === 'oauth') return isTokenLive(accessId)
    // A session without a token ends by itself, and rests on the personal token that signed it in, if one did.
    if (accessId === '') return true
    if (!(await personalTokens.isLive(accessId))) return false
    return (await ownerIfBlocked(accessId, 'blocked')).length === 0
  }
}
