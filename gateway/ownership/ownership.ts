import type { UserId } from '#shared/ids.ts'
import type { Store } from '../store/store.ts'

/** Decides which of the gateways over one store runs a user's worker: the one that holds the user's lease. */
export interface Ownership {
  /**
   * The user's lease, once no living gateway holds it. At most one is asked for or held for each user here;
   * the caller sees to that. Rejects with ERR_LEASE_HELD when its holder keeps it for too long or callers are led to it,
   * or with the reason of `signal`.
   */
  hold(userId: UserId, signal: AbortSignal): Promise<Lease>
  /**
   * Rejects with ERR_LEASE_LOST unless the user's lease is this gateway's, in the eyes of `db`, which may be
   * a transaction: what is written in it cannot be the work of a deposed gateway.
   */
  verify(userId: UserId, db: Store['db']): Promise<void>
  /**
   * For how many ms from now the user's worker may serve, by a clock that nobody sets: 0 without a lease, Infinity where
   * no other machine can take it.
   */
  leftMs(userId: UserId): number
  /** Gives every lease back and waits until that is stored. May be called more than once. */
  close(): Promise<void>
}

export interface Lease {
  /** Higher than that of every earlier lease of this user. */
  readonly epoch: number
  /** The worker is gone: others may have the user. May be called more than once. */
  release(): void
}
