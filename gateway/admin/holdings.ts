import type { Clock } from '#shared/clock.ts'
import { asUserId, type UserId } from '#shared/ids.ts'
import type { Store } from '../store/store.ts'

/** How much a person has here. */
export interface Holding {
  readonly sessions: number
  /** Applications that the person let in. */
  readonly clients: number
  readonly tokens: number
  /** What Google granted; empty without a grant. */
  readonly scopes: readonly string[]
}

/** Of many people at once, with a query for each kind of thing and not for each person. */
export type Holdings = (userIds: readonly UserId[]) => Promise<ReadonlyMap<UserId, Holding>>

export function createHoldings({ db, terms }: Store, clock: Clock): Holdings {
  const countsOf = (rows: readonly { user_id: string | null; n: number }[]) =>
    new Map(rows.map(({ user_id, n }) => [user_id, Number(n)]))

  return async (userIds) => {
    const now = clock.now()
    const [sessions, tokens, clients, grants] = await Promise.all([
      db
        .selectFrom('sessions')
        .select(({ fn }) => ['user_id', fn.countAll<number>().as('n')])
        .where('user_id', 'in', terms.listed(userIds))
        .groupBy('user_id')
        .execute(),
      db
        .selectFrom('personal_tokens')
        .select(({ fn }) => ['user_id', fn.countAll<number>().as('n')])
        .where('user_id', 'in', terms.listed(userIds))
        .where('expires_at', '>', now)
        .groupBy('user_id')
        .execute(),
      db
        .selectFrom('oauth')
        .select(({ fn }) => ['user_id', fn.count<number>('client_id').distinct().as('n')])
        .where('model', '=', 'Grant')
        .where('user_id', 'in', terms.listed(userIds))
        .where('expires_at', '>', now)
        .groupBy('user_id')
        .execute(),
      db
        .selectFrom('google_grants')
        .select(['user_id', 'scopes'])
        .where('user_id', 'in', terms.listed(userIds))
        .execute()
    ])
    const counted = [sessions, clients, tokens].map(countsOf)
    const scopesOf = new Map(grants.map(({ user_id, scopes }) => [user_id, scopes]))
    return new Map(
      userIds.map((userId) => {
        const [ofSessions = 0, ofClients = 0, ofTokens = 0] = counted.map(
          (counts) => counts.get(userId) ?? 0
        )
        const scopes = scopesOf.get(userId)?.split(' ').filter(Boolean) ?? []
        return [
          asUserId(userId),
          { sessions: ofSessions, clients: ofClients, tokens: ofTokens, scopes }
        ]
      })
    )
  }
}
