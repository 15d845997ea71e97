import type { Clock } from '#shared/clock.ts'
import { GatewayError } from '#shared/errors.ts'
import type { UserId } from '#shared/ids.ts'
import type { Store } from '../store/store.ts'
import type { Node } from './node.ts'
import type { Lease, Ownership } from './ownership.ts'

/** A gateway that was not heard of for this long is taken for dead. */
const LEASE_MS = 15_000
const RENEW_MS = 3000
/** How soon a lease that was given back elsewhere is noticed here. */
const POLL_MS = 50
/** Longer than a leaving gateway may take over its calls in flight, and than a dead one's lease lives. */
const WAIT_MS = 20_000

export interface SqlOwnershipParts {
  readonly store: Store
  readonly clock: Clock
  readonly node: Node
  /** Another gateway has taken the user over: its worker here must end. Must not throw. */
  readonly onLost: (userId: UserId) => void
  /** A renewal failed; it is tried again. */
  readonly failed: (error: unknown) => void
}

interface Claim {
  readonly settle: PromiseWithResolvers<Lease>
  readonly give: () => void
}

/** Leases as rows of the `owners` table, renewed together while this gateway lives. */
export class SqlOwnership implements Ownership {
  readonly #parts: SqlOwnershipParts
  /** What is held, by user; the object is the lease, so that a later one is not taken for it. */
  readonly #held = new Map<UserId, Lease>()
  readonly #waiting = new Map<UserId, Claim>()
  readonly #releases = new Set<Promise<void>>()
  #claiming = false
  #cancelPoll = (): void => {}
  #cancelRenewal: () => void

  constructor(parts: SqlOwnershipParts) {
    this.#parts = parts
    this.#cancelRenewal = this.#armRenewal()
  }

  async hold(userId: UserId, signal: AbortSignal): Promise<Lease> {
    signal.throwIfAborted()
    const settle = Promise.withResolvers<Lease>()
    const abort = (): void => settle.reject(signal.reason)
    const cancel = this.#parts.clock.after(WAIT_MS, () => settle.reject(held()))
    const give = (): void => {
      cancel()
      signal.removeEventListener('abort', abort)
      this.#waiting.delete(userId)
    }
    signal.addEventListener('abort', abort, { once: true })
    this.#waiting.set(userId, { settle, give })
    void this.#claim() // tells those who wait when it fails
    try {
      return await settle.promise
    } finally {
      give()
    }
  }

  async verify(userId: UserId, db: Store['db']): Promise<void> {
    const epoch = this.#held.get(userId)?.epoch
    if (epoch === undefined) throw lost()
    const row = await db
      .selectFrom('owners')
      .select('epoch')
      .where('user_id', '=', userId)
      .where('node', '=', this.#parts.node.id)
      .where('epoch', '=', epoch)
      .executeTakeFirst()
    if (!row) throw lost()
  }

  async close(): Promise<void> {
    this.#cancelRenewal()
    this.#cancelPoll()
    for (const { settle } of this.#waiting.values()) settle.reject(held())
    for (const lease of this.#held.values()) lease.release()
    await Promise.all(this.#releases)
  }

  /** Tries to get what is waited for, all in one statement, and again later for what somebody holds. */
  async #claim(): Promise<void> {
    if (this.#claiming) return
    this.#claiming = true
    try {
      await null // who asks in the same breath is served by the same statement
      await this.#take([...this.#waiting.keys()], [])
      const others = [...this.#waiting.keys()]
      const { node } = this.#parts
      const gone = (await this.#holders(others)).filter((id) => node.isRunning(id) === false)
      if (gone.length > 0) await this.#take(others, gone)
    } catch (error) {
      for (const { settle } of this.#waiting.values()) settle.reject(error)
    } finally {
      this.#claiming = false
    }
    this.#cancelPoll()
    if (this.#waiting.size > 0) {
      this.#cancelPoll = this.#parts.clock.after(POLL_MS, () => void this.#claim())
    }
  }

  async #take(users: readonly UserId[], gone: readonly string[]): Promise<void> {
    if (users.length === 0) return
    const { store, clock, node } = this.#parts
    const now = clock.now()
    const lease = { node: node.id, expires_at: now + LEASE_MS }
    const rows = await store.db
      .insertInto('owners')
      .values(users.map((user_id) => ({ user_id, epoch: 1, ...lease })))
      .onConflict((conflict) =>
        conflict
          .column('user_id')
          .doUpdateSet(({ eb }) => ({ ...lease, epoch: eb('owners.epoch', '+', 1) }))
          .where(({ eb, or }) =>
            or([eb('owners.expires_at', '<=', now), eb('owners.node', 'in', [node.id, ...gone])])
          )
      )
      .returning(['user_id', 'epoch'])
      .execute()
    for (const { user_id, epoch } of rows) this.#won(user_id as UserId, epoch)
  }

  #won(userId: UserId, epoch: number): void {
    const lease: Lease = { epoch, release: () => this.#release(userId, lease) }
    this.#held.set(userId, lease)
    const claim = this.#waiting.get(userId)
    if (!claim) {
      lease.release() // whoever asked has left
      return
    }
    claim.give()
    claim.settle.resolve(lease)
  }

  #release(userId: UserId, lease: Lease): void {
    if (this.#held.get(userId) !== lease) return
    this.#held.delete(userId)
    // A row that could not be given back expires by itself.
    const stored = this.#giveBack(userId, lease.epoch).catch(this.#parts.failed)
    this.#releases.add(stored)
    void stored.then(() => this.#releases.delete(stored))
  }

  async #giveBack(userId: UserId, epoch: number): Promise<void> {
    const { store, node } = this.#parts
    await store.db
      .updateTable('owners')
      .set({ expires_at: 0 })
      .where('user_id', '=', userId)
      .where('node', '=', node.id)
      .where('epoch', '=', epoch)
      .execute()
  }

  async #holders(users: readonly UserId[]): Promise<string[]> {
    if (users.length === 0) return []
    const { db } = this.#parts.store
    const rows = await db
      .selectFrom('owners')
      .select('node')
      .distinct()
      .where('user_id', 'in', users)
      .execute()
    return rows.map(({ node }) => node)
  }

  #armRenewal(): () => void {
    return this.#parts.clock.after(RENEW_MS, () => {
      this.#cancelRenewal = this.#armRenewal()
      this.#renew().catch(this.#parts.failed)
    })
  }

  async #renew(): Promise<void> {
    const { store, clock, node, onLost } = this.#parts
    const before = [...this.#held]
    if (before.length === 0) return
    const rows = await store.db
      .updateTable('owners')
      .set({ expires_at: clock.now() + LEASE_MS })
      .where('node', '=', node.id)
      .where('expires_at', '>', 0)
      .returning('user_id')
      .execute()
    const kept = new Set(rows.map(({ user_id }) => user_id))
    for (const [userId, lease] of before) {
      if (kept.has(userId) || this.#held.get(userId) !== lease) continue
      this.#held.delete(userId)
      onLost(userId)
    }
  }
}

const held = (): GatewayError =>
  new GatewayError('ERR_LEASE_HELD', 'Another gateway serves this account; try again.', {
    retryAfter: 1
  })

const lost = (): GatewayError =>
  new GatewayError('ERR_LEASE_LOST', 'Another gateway serves this account now; try again.', {
    retryAfter: 1
  })
