import type { Clock } from '#shared/clock.ts'
import type { Store } from '../store/store.ts'
import type { Access } from './access-liveness.ts'

export interface DoubtfulAccessParts {
  readonly store: Store
  readonly clock: Clock
}

/**
 * Which of many accesses may have ended, by two statements however many there are: those whose token is not there, has
 * had its time, or whose account is blocked, and those of which only `createLiveness` can tell.
 */
export function createDoubtfulAccess({ store, clock }: DoubtfulAccessParts) {
  const { db, terms } = store

  const liveOAuth = async (ids: readonly string[]): Promise<string[]> => {
    if (ids.length === 0) return []
    const rows = await db
      .selectFrom('oauth')
      .innerJoin('users', 'users.id', 'oauth.user_id')
      .select('oauth.id')
      .where('oauth.model', '=', 'AccessToken')
      .where('oauth.id', 'in', terms.listed(ids))
      .where('oauth.expires_at', '>', clock.now())
      .where('users.state', '!=', 'blocked')
      .execute()
    return rows.map(({ id }) => id)
  }

  const livePersonal = async (hashes: readonly string[]): Promise<string[]> => {
    if (hashes.length === 0) return []
    const rows = await db
      .selectFrom('personal_tokens')
      .innerJoin('users', 'users.id', 'personal_tokens.user_id')
      .select('personal_tokens.hash')
      .where('personal_tokens.hash', 'in', terms.listed(hashes))
      .where('personal_tokens.expires_at', '>', clock.now())
      .where('users.state', '!=', 'blocked')
      .execute()
    return rows.map(({ hash }) => hash)
  }

  return async (accesses: readonly Access[]): Promise<readonly Access[]> => {
    const idsOf = (credential: Access['credential']): string[] =>
      accesses.flatMap((one) => (one.credential === credential ? [one.accessId] : []))
    const [oauth, personal] = [
      new Set(await liveOAuth(idsOf('oauth'))),
      new Set(await livePersonal(idsOf('personal')))
    ]
    const isPlain = ({ credential, accessId, expiresAt }: Access): boolean =>
      expiresAt * 1000 > clock.now() &&
      ((credential === 'oauth' && oauth.has(accessId)) ||
        (credential === 'personal' && personal.has(accessId)))
    return accesses.filter((access) => !isPlain(access))
  }
}
