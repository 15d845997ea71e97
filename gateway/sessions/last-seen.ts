import type { Store } from '../store/store.ts'
import type { Session } from './session.ts'

/** When sessions were used last, written together now and then: a call does not wait for it. */
export class LastSeen {
  readonly #store: Store
  readonly #touched = new Set<Session>()

  constructor(store: Store) {
    this.#store = store
  }

  /** Its client was here at `now` (milliseconds since the epoch). */
  touch(session: Session, now: number): void {
    session.lastSeenAt = now
    this.#touched.add(session)
  }

  /** It has ended: there is nothing to write of it. */
  forget(session: Session): void {
    this.#touched.delete(session)
  }

  /** Writes what is not yet written. Rejects with ERR_STORE, and then tries it with the next one again. */
  async write(): Promise<void> {
    const touched = [...this.#touched]
    if (touched.length === 0) return
    this.#touched.clear()
    try {
      await this.#store.transaction(async (tx) => {
        for (const { hash, lastSeenAt } of touched) {
          await tx
            .updateTable('sessions')
            .set({ last_seen_at: lastSeenAt })
            .where('hash', '=', hash)
            .execute()
        }
      })
    } catch (error) {
      for (const session of touched) if (!session.ended) this.#touched.add(session)
      throw error
    }
  }
}
