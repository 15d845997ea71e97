import type { Clock } from '#shared/clock.ts'
import type { NodeRow } from '../store/schema.ts'
import type { Store } from '../store/store.ts'
import type { GatewayInstance } from './gateway-instance.ts'

/** A gateway that was not heard of for this long is taken for dead. */
const ALIVE_MS = 15_000
const RENEW_MS = 3000
/** How soon a gateway that waits notices that the ports are to be had: clients are refused meanwhile. */
const TURN_POLL_MS = 25
/** How long a gateway that leaves waits for the next one to listen. */
const SUCCESSOR_MS = 2000

type Own = Omit<NodeRow, 'expires_at'>
/** A row, and whether its gateway was heard of lately in the eyes of the database. */
type Seen = Own & { readonly is_fresh: unknown }

/** What was found when the turn came. */
export type ListenTurn =
  | 'alone' // whoever listens on these ports is no gateway of this store
  | 'beside' // a gateway of this store still listens, and is about to leave
  | 'closed' // this gateway was closed while it waited

export interface PeerNotice {
  /** An origin. */
  readonly url: string
  /** How many workers there are, and how many at most: 0 when nobody new is taken. */
  load(): { readonly workers: number; readonly limit: number }
}

export interface PortHandoverParts {
  readonly store: Store
  readonly clock: Clock
  readonly node: GatewayInstance
  /** 0 is any port: nobody else's. */
  readonly port: number
  readonly opsPort: number
  /** Where other gateways reach this one, and how full it is; absent where they do not. */
  readonly peer?: PeerNotice | undefined
  readonly failed: (error: unknown) => void
}

/**
 * Who of the gateways over one store has the ports of this machine. One listens; those that were started
 * after it wait, and the next one listens when that one leaves or dies. So two can share the ports by
 * SO_REUSEPORT for a moment without a connection going to the one that should not have it.
 */
export class PortHandover {
  readonly #parts: PortHandoverParts
  #row: Own | undefined
  #isClosed = false
  #cancelRenewal = (): void => {}

  constructor(parts: PortHandoverParts) {
    this.#parts = parts
  }

  /** Resolves when this gateway may listen. `onWait` is called when another one is ahead. Called once. */
  async turn(onWait: () => void): Promise<ListenTurn> {
    const { store, clock, node, port, opsPort } = this.#parts
    const row: Own = {
      id: node.id,
      host: node.host,
      port,
      ops_port: opsPort,
      state: 'waiting',
      since: clock.now(),
      peer_url: this.#parts.peer?.url ?? null,
      ...this.#load()
    }
    this.#row = row
    await this.#forgetTheDead()
    await store.db
      .insertInto('nodes')
      .values(({ eb }) => ({ ...row, expires_at: eb(this.#now(), '+', ALIVE_MS) }))
      .execute()
    this.#armRenewal()
    let wait = onWait
    while (!this.#isClosed) {
      const others = await this.#others()
      if (!others.some((other) => isAhead(other, row)))
        return others.some(({ state }) => state === 'leaving') ? 'beside' : 'alone'
      wait()
      wait = () => {}
      await this.#pause(TURN_POLL_MS)
    }
    return 'closed'
  }

  /** This gateway listens. */
  async serving(): Promise<void> {
    await this.#become('serving')
  }

  /**
   * Lets the next one listen. Resolves with true when it does, so that this one may close its ports without
   * a client being refused; false when there is none, or it does not come, or the store cannot tell. Never rejects.
   */
  async leave(): Promise<boolean> {
    if (this.#row?.state !== 'serving') return false
    try {
      return await this.#giveWay()
    } catch (error) {
      this.#parts.failed(error)
      return false
    }
  }

  async #giveWay(): Promise<boolean> {
    await this.#become('leaving')
    const until = this.#parts.clock.monotonic() + SUCCESSOR_MS
    for (;;) {
      const others = await this.#others()
      if (others.some(({ state }) => state === 'serving')) return true
      const isComing = others.some(({ state }) => state === 'waiting')
      if (!isComing || this.#parts.clock.monotonic() > until) return false
      await this.#pause(TURN_POLL_MS)
    }
  }

  /** This gateway is no more. May be called more than once. Never rejects: a row that stays is out of date soon. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#cancelRenewal()
    const { store, node, failed } = this.#parts
    if (this.#row)
      await store.db.deleteFrom('nodes').where('id', '=', node.id).execute().catch(failed)
    this.#row = undefined
  }

  /** The living gateways of this machine that want one of our ports. */
  async #others(): Promise<Seen[]> {
    const { node, port, opsPort } = this.#parts
    const rows = await this.#seen()
      .where('host', '=', node.host)
      .where('id', '!=', node.id)
      .execute()
    const ours = [port, opsPort].filter((one) => one !== 0)
    return rows.filter(
      (other) =>
        (ours.includes(other.port) || ours.includes(other.ops_port)) && this.#isAlive(other)
    )
  }

  /** A process that is only held up still has its ports; where nothing is known of it, time decides. */
  #isAlive({ id, is_fresh }: Seen): boolean {
    return this.#parts.node.isRunning(id) ?? Boolean(is_fresh)
  }

  #seen() {
    return this.#parts.store.db
      .selectFrom('nodes')
      .selectAll()
      .select(({ eb }) => eb('expires_at', '>', this.#now()).as('is_fresh'))
  }

  #now() {
    return this.#parts.store.terms.now(this.#parts.clock.now())
  }

  async #forgetTheDead(): Promise<void> {
    const { db } = this.#parts.store
    const rows = await this.#seen().execute()
    const dead = rows.filter((row) => !this.#isAlive(row)).map(({ id }) => id)
    if (dead.length > 0) await db.deleteFrom('nodes').where('id', 'in', dead).execute()
  }

  async #become(state: NodeRow['state']): Promise<void> {
    if (this.#row) this.#row = { ...this.#row, state }
    const { store, node } = this.#parts
    await store.db.updateTable('nodes').set({ state }).where('id', '=', node.id).execute()
  }

  /** Another gateway may have taken this one for dead, which was cut off or stopped for a while, and removed its row. */
  async #renew(): Promise<void> {
    const { store, node } = this.#parts
    const load = this.#load()
    const { numUpdatedRows } = await store.db
      .updateTable('nodes')
      .set(({ eb }) => ({ expires_at: eb(this.#now(), '+', ALIVE_MS), ...load }))
      .where('id', '=', node.id)
      .executeTakeFirstOrThrow()
    const row = this.#row
    if (numUpdatedRows > 0n || !row || this.#isClosed) return
    await store.db
      .insertInto('nodes')
      .values(({ eb }) => ({ ...row, ...load, expires_at: eb(this.#now(), '+', ALIVE_MS) }))
      .onConflict((conflict) => conflict.column('id').doNothing())
      .execute()
  }

  #load(): Pick<NodeRow, 'workers' | 'worker_limit'> {
    const { workers, limit } = this.#parts.peer?.load() ?? { workers: 0, limit: 0 }
    return { workers, worker_limit: limit }
  }

  #armRenewal(): void {
    const { clock, failed } = this.#parts
    this.#cancelRenewal = clock.after(RENEW_MS, () => {
      this.#armRenewal()
      this.#renew().catch(failed)
    })
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#parts.clock.after(ms, resolve))
  }
}

/** Who listens is ahead, and who waits for longer. */
const isAhead = (other: Own, me: Own): boolean =>
  other.state === 'serving' ||
  (other.state === 'waiting' &&
    (other.since < me.since || (other.since === me.since && other.id < me.id)))
