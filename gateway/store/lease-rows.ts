import { sql } from 'kysely'
import type { Clock } from '#shared/clock.ts'
import { isAnonymous, type UserId } from '#shared/ids.ts'
import type { Store } from './store.ts'

/** The right to run one user's worker: nobody else ever has it with this number. */
export interface LeaseRow {
  readonly user_id: string
  readonly epoch: number
}

/** Who holds a lease, and what is known of it as a gateway. */
export interface HolderRow {
  readonly user_id: string
  /** Its `nodes.id`. */
  readonly node: string
  /** Where it takes others' requests from gateways; null where it does not, or now does not. */
  readonly peer_url: string | null
}

/** The rows of `owners`, as one gateway changes them. */
export class LeaseRows {
  readonly #store: Store
  readonly #clock: Clock
  readonly #node: string
  readonly #leaseMs: number

  /** `node` is this gateway's `nodes.id`; `leaseMs` how long what is taken or renewed lasts. */
  constructor(store: Store, clock: Clock, node: string, leaseMs: number) {
    this.#store = store
    this.#clock = clock
    this.#node = node
    this.#leaseMs = leaseMs
  }

  /** Takes what nobody holds any more, or one of `gone` does; answers what was got. In one statement. */
  async take(users: readonly string[], gone: readonly string[]): Promise<LeaseRow[]> {
    if (users.length === 0) return []
    const { db, terms } = this.#store
    const { leastEpoch: least } = terms
    const next = sql`owners.epoch + 1`
    const first = sql`(select epoch + 1 from lease_floor where id = 1)`
    // In `set` again, not `excluded`: that was evaluated before a wait for somebody's lock on the row.
    const { rows } = await sql<LeaseRow>`
      insert into owners (user_id, node, epoch, expires_at)
      select asked.id, ${this.#node}, ${greater(first, least)}, ${this.#end()}
      from ${terms.rowsOf(users)} as asked where true order by asked.id
      on conflict (user_id) do update
      set node = ${this.#node}, epoch = ${greater(next, least)}, expires_at = ${this.#end()}
      where owners.expires_at <= ${this.#now()}
        or owners.node in ${terms.listed([this.#node, ...gone])}
      returning user_id, epoch`.execute(db)
    return rows
  }

  /**
   * Makes all that are held last for longer, in one statement; answers which. One that a transaction keeps locked
   * may be left out: nobody waits for it, and the next renewal comes before its end.
   */
  async renew(): Promise<LeaseRow[]> {
    const { db, terms } = this.#store
    const { rows } = await sql<LeaseRow>`
      update owners set expires_at = ${this.#end()}
      where user_id in (
        select user_id from owners
        where node = ${this.#node} and expires_at > ${this.#oldest()} ${terms.skipLocked})
      returning user_id, epoch`.execute(db)
    return rows
  }

  /** Those of `users` that are still held. */
  async held(users: readonly string[]): Promise<LeaseRow[]> {
    const { db, terms } = this.#store
    const { rows } = await sql<LeaseRow>`
      select user_id, epoch from owners
      where user_id in ${terms.listed(users)} and node = ${this.#node}
        and expires_at > ${this.#oldest()}`.execute(db)
    return rows
  }

  /** Others may have these at once; what was taken by somebody since is left alone. */
  async giveBack(leases: readonly LeaseRow[]): Promise<void> {
    const { db, terms } = this.#store
    const users = terms.listed(leases.map(({ user_id }) => user_id))
    const pairs = terms.listed(leases.map(({ user_id, epoch }) => `${epoch} ${user_id}`))
    await sql`
      update owners set expires_at = 0
      where user_id in ${users} and node = ${this.#node}
        and cast(epoch as text) || ' ' || user_id in ${pairs}`.execute(db)
    if (leases.some(({ user_id }) => isAnonymous(user_id as UserId))) await this.#forgetNobody()
  }

  /** Nobody comes back once their session is over, and nothing of theirs rests on a number. */
  async #forgetNobody(): Promise<void> {
    await sql`
      delete from owners
      where user_id >= 'nobody:' and user_id < 'nobody;' and expires_at <= ${this.#now()}`.execute(
      this.#store.db
    )
  }

  /** The gateways whose leases of these users have not ended. */
  async holders(users: readonly string[]): Promise<HolderRow[]> {
    if (users.length === 0) return []
    const { db, terms } = this.#store
    const { rows } = await sql<HolderRow>`
      select owners.user_id, owners.node, nodes.peer_url
      from owners left join nodes on nodes.id = owners.node
        and nodes.state = 'serving' and nodes.expires_at > ${this.#now()}
      where owners.user_id in ${terms.listed(users)} and owners.expires_at > ${this.#now()}`.execute(
      db
    )
    return rows
  }

  /**
   * Whether the lease is held in the eyes of `db`. Where that is a transaction, nobody else can take it before the
   * transaction has ended; where it is not, the answer has waited for what the database needs to vouch for a write,
   * which a primary that was deposed without knowing it cannot get.
   */
  async holds({ user_id, epoch }: LeaseRow, db: Store['db']): Promise<boolean> {
    const { terms } = this.#store
    const rows = await db
      .selectFrom('owners')
      .select('epoch')
      .where('user_id', '=', user_id)
      .where('node', '=', this.#node)
      .where('epoch', '=', epoch)
      .where('expires_at', '>', this.#oldest())
      .modifyEnd(terms.forShare)
      .execute()
    return rows.length > 0
  }

  #now() {
    return this.#store.terms.now(this.#clock.now())
  }

  #end() {
    return sql<number>`${this.#now()} + ${this.#leaseMs}`
  }

  /** A lease that ends before this is over. Among gateways of one machine only one that was given back is. */
  #oldest() {
    return this.#store.terms.leaseMarginMs > 0 ? this.#now() : sql<number>`0`
  }
}

/** SQLite's `max` of two is PostgreSQL's `greatest`. */
const greater = (one: unknown, other: unknown) =>
  sql`case when ${one} > ${other} then ${one} else ${other} end`
