import { sql } from 'kysely'
import type { Clock } from '#shared/clock.ts'
import type { Store } from './store.ts'

/** Something that gateways hold in memory is another thing now. Hearing of it twice must do no harm. */
export interface Change {
  readonly kind: 'block' | 'erase' | 'grant' | 'policy' | 'session' | 'reload'
  /** A person's id, a session's handle; empty for what is about a gateway itself. */
  readonly subject: string
}

export interface ChangeFeedParts {
  readonly store: Store
  readonly clock: Clock
  /** This gateway's `nodes.id`: it does not hear of what it has told. */
  readonly node: string
  /** Must not throw. */
  readonly heard: (change: Change) => void
  readonly failed: (error: unknown) => void
}

const CHANNEL = 'gateway_changes'
/** With this alone a change is heard of within a second, and a pooler swallows notifications. */
const LOOK_MS = 700
/** Whoever was away for longer has lost its leases, and everything with them. */
const KEEP_MS = 10 * 60_000

/**
 * Tells the gateways over one database of each other's changes, in the order in which they were stored. The number of a
 * change is counted in its transaction: numbers of a sequence may become visible in another order.
 */
export class ChangeFeed {
  readonly #parts: ChangeFeedParts
  readonly #unlisten: () => Promise<void>
  /** The last one heard; undefined before the first look, which only finds out where the others are. */
  #last: number | undefined
  #looking: Promise<void> | undefined
  #isAskedAgain = false
  #cancel = (): void => {}
  #isClosed = false

  constructor(parts: ChangeFeedParts) {
    this.#parts = parts
    this.#unlisten = parts.store.listen(CHANNEL, () => void this.look())
    void this.look()
    this.#arm()
  }

  /** To be called when the change is stored. Rejects with ERR_STORE when it could not be told. */
  async tell({ kind, subject }: Change): Promise<void> {
    const { store, clock, node } = this.#parts
    const now = clock.now()
    await store.transaction(async (tx) => {
      const { version } = await tx
        .updateTable('change_version')
        .set(({ eb }) => ({ version: eb('version', '+', 1) }))
        .where('id', '=', 1)
        .returning('version')
        .executeTakeFirstOrThrow()
      await tx.insertInto('changes').values({ version, at: now, node, kind, subject }).execute()
      await tx
        .deleteFrom('changes')
        .where('at', '<', now - KEEP_MS)
        .execute()
      await sql`select pg_notify(${CHANNEL}, '')`.execute(tx)
    })
  }

  /** Hears of what is new. Never rejects. */
  async look(): Promise<void> {
    if (this.#looking !== undefined) {
      this.#isAskedAgain = true
      return this.#looking
    }
    this.#looking = this.#lookUntilQuiet()
    await this.#looking
    this.#looking = undefined
  }

  /** May be called more than once. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#cancel()
    await this.#unlisten()
    await this.#looking
  }

  #arm(): void {
    this.#cancel = this.#parts.clock.after(LOOK_MS, () => {
      if (this.#isClosed) return
      void this.look()
      this.#arm()
    })
  }

  async #lookUntilQuiet(): Promise<void> {
    try {
      do {
        this.#isAskedAgain = false
        await this.#lookOnce()
      } while (this.#isAskedAgain && !this.#isClosed)
    } catch (error) {
      this.#parts.failed(error)
    }
  }

  async #lookOnce(): Promise<void> {
    const { store, node, heard } = this.#parts
    const [now] = await store.db
      .selectFrom('change_version')
      .select('version')
      .where('id', '=', 1)
      .execute()
    const version = now?.version ?? 0
    if (this.#last === undefined) this.#last = version
    if (version === this.#last) return
    // A standby that took over may lack the last ones, and gives their numbers out once more.
    const after = version < this.#last ? 0 : this.#last
    const rows = await store.db
      .selectFrom('changes')
      .select(['version', 'node', 'kind', 'subject'])
      .where('version', '>', after)
      .orderBy('version')
      .execute()
    this.#last = rows.at(-1)?.version ?? version
    for (const row of rows) if (row.node !== node) heard({ kind: row.kind, subject: row.subject })
  }
}
