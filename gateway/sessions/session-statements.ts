import type { UserId } from '#shared/ids.ts'
import type { Prepared, Store } from '../store/store.ts'
import type { OwnerColumns } from './session-row.ts'

/** What is asked of the store with calls and starts of sessions, prepared once. */
export interface SessionStatements {
  /** Of the session with this hash. */
  readonly standing: Prepared<OwnerColumns>
  /** How many were used last before a moment. */
  readonly countUsed: Prepared<{ n: number }>
  /** How many this person has. */
  readonly countOf: (userId: UserId) => Promise<{ n: number }[]>
}

export function sessionStatements(store: Store): SessionStatements {
  const sessions = store.db.selectFrom('sessions')
  const counted = sessions.select(({ fn }) => fn.countAll<number>().as('n'))
  return {
    standing: store.prepared(
      sessions.select(['user_id', 'level', 'expires_at', 'token_hash']).where('hash', '=', '')
    ),
    countUsed: store.prepared(counted.where('last_seen_at', '<', 0)),
    countOf: store.prepared(counted.where('user_id', '=', ''))
  }
}
