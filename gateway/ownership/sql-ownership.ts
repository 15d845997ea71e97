import type { Clock } from '#shared/clock.ts'
import { GatewayError } from '#shared/errors.ts'
import type { UserId } from '#shared/ids.ts'
import { type HolderRow, type LeaseRow, LeaseRows } from '../store/lease-rows.ts'
import type { Store } from '../store/store.ts'
import type { GatewayInstance } from './gateway-instance.ts'
import type { Lease, Ownership } from './ownership.ts'

/**
 * A gateway that was not heard of for `leaseMs` is taken for dead. Where people go on at another machine then, they are to
 * be served there within 15 s of its death, and the start of a worker is part of that.
 */
const AMONG_MACHINES = { leaseMs: 12_000, renewMs: 2000 }
/** Here it is seen whether another gateway lives. */
const ON_ONE_MACHINE = { leaseMs: 15_000, renewMs: 3000 }
/** How soon a lease that was given back elsewhere is noticed here. */
const POLL_MS = 50
/** How often it is looked whether a lease has ended here. */
const WATCH_MS = 250
/** How often it is asked for a lease whose holder can be reached. */
const MOST_ASKED = 2
/** Longer than a leaving gateway may take over its calls in flight, and than a dead one's lease lives. */
const WAIT_MS = 20_000

export interface SqlOwnershipParts {
  readonly store: Store
  readonly clock: Clock
  readonly node: GatewayInstance
  /** Another gateway has taken the user over: its worker here must end. Must not throw. */
  readonly onLost: (userId: UserId) => void
  /**
   * Whether callers are led to the gateway that holds a lease: nobody waits for it here then. Nobody is, if absent.
   */
  readonly isReached?: (holder: HolderRow) => boolean
  /** A renewal failed; it is tried again. */
  readonly failed: (error: unknown) => void
}

interface Held {
  readonly lease: Lease
  /** As `Clock.monotonic`: when it ends here, because it may end for others soon after. */
  deadline: number
}

interface Claim {
  /** How often the database was asked. */
  asked: number
  readonly settle: PromiseWithResolvers<Lease>
  readonly give: () => void
}

/**
 * Leases as rows of the `owners` table, renewed together while this gateway lives. Where several machines share the
 * database, a lease that could not be renewed ends here before it ends there: counted from before the statement was
 * sent, by a clock that nobody sets, and asked at every use, since a process that was stopped runs before its timers do.
 */
export class SqlOwnership implements Ownership {
  readonly #parts: SqlOwnershipParts
  readonly #rows: LeaseRows
  readonly #times: typeof AMONG_MACHINES
  /** What is held, by user; the lease is an object, so that a later one is not taken for it. */
  readonly #held = new Map<UserId, Held>()
  readonly #waiting = new Map<UserId, Claim>()
  /** What is to be given back with the next statement. */
  #returned: LeaseRow[] = []
  #returning: Promise<void> | undefined
  #claiming = false
  #isAskedAgain = false
  #cancelPoll = (): void => {}
  #cancelRenewal: () => void
  #cancelWatch = (): void => {}
  #isRenewing = false

  constructor(parts: SqlOwnershipParts) {
    this.#parts = parts
    this.#times = parts.store.terms.leaseMarginMs > 0 ? AMONG_MACHINES : ON_ONE_MACHINE
    this.#rows = new LeaseRows(parts.store, parts.clock, parts.node.id, this.#times.leaseMs)
    this.#cancelRenewal = this.#armRenewal()
    if (parts.store.terms.leaseMarginMs > 0) this.#watch()
  }

  async hold(userId: UserId, signal: AbortSignal): Promise<Lease> {
    signal.throwIfAborted()
    const settle = Promise.withResolvers<Lease>()
    const abort = (): void => settle.reject(signal.reason)
    const cancel = this.#parts.clock.after(WAIT_MS, () => settle.reject(heldElsewhere()))
    const give = (): void => {
      cancel()
      signal.removeEventListener('abort', abort)
      this.#waiting.delete(userId)
    }
    signal.addEventListener('abort', abort, { once: true })
    this.#waiting.set(userId, { settle, give, asked: 0 })
    void this.#claim() // tells those who wait when it fails
    try {
      return await settle.promise
    } finally {
      give()
    }
  }

  async verify(userId: UserId, db: Store['db']): Promise<void> {
    const held = this.#held.get(userId)
    if (!held || this.#isOver(held)) throw lost()
    const isHeld = await this.#rows.holds({ user_id: userId, epoch: held.lease.epoch }, db)
    if (!isHeld || this.#isOver(held)) throw lost()
  }

  leftMs(userId: UserId): number {
    const held = this.#held.get(userId)
    return held ? Math.max(0, held.deadline - this.#parts.clock.monotonic()) : 0
  }

  async close(): Promise<void> {
    this.#cancelRenewal()
    this.#cancelWatch()
    this.#cancelPoll()
    for (const { settle } of this.#waiting.values()) settle.reject(heldElsewhere())
    for (const { lease } of this.#held.values()) lease.release()
    await this.#returning
  }

  /** Tries to get what is waited for, all in one statement, and again later for what somebody holds. */
  async #claim(): Promise<void> {
    if (this.#claiming) {
      this.#isAskedAgain = true
      return
    }
    this.#claiming = true
    this.#isAskedAgain = false
    try {
      await null // who asks in the same breath is served by the same statement
      await this.#take([...this.#waiting.keys()], [])
      const others = [...this.#waiting.keys()]
      const { node, isReached } = this.#parts
      const holders = await this.#rows.holders(others)
      const gone = holders.filter((holder) => node.isRunning(holder.node) === false)
      if (gone.length > 0) await this.#take(others, [...new Set(gone.map((one) => one.node))])
      if (isReached) this.#leadAway(holders.filter((one) => !gone.includes(one) && isReached(one)))
    } catch (error) {
      for (const { settle } of this.#waiting.values()) settle.reject(error)
    } finally {
      this.#claiming = false
    }
    this.#cancelPoll()
    if (this.#waiting.size === 0) return
    const soon = this.#isAskedAgain ? 0 : POLL_MS // who came meanwhile has not been asked for
    this.#cancelPoll = this.#parts.clock.after(soon, () => void this.#claim())
  }

  /** Who waits for a gateway that callers are led to does not wait on: unless it is about to give the person up. */
  #leadAway(holders: readonly HolderRow[]): void {
    for (const { user_id, node } of holders) {
      const claim = this.#waiting.get(user_id as UserId)
      if (!claim || node === this.#parts.node.id) continue
      claim.asked += 1
      if (claim.asked > MOST_ASKED) claim.settle.reject(heldElsewhere())
    }
  }

  async #take(users: readonly UserId[], gone: readonly string[]): Promise<void> {
    const sent = this.#parts.clock.monotonic()
    for (const { user_id, epoch } of await this.#rows.take(users, gone))
      this.#won(user_id as UserId, epoch, sent)
  }

  #won(userId: UserId, epoch: number, sent: number): void {
    const lease: Lease = { epoch, release: () => this.#release(userId, lease) }
    this.#held.set(userId, { lease, deadline: this.#deadlineOf(sent) })
    const claim = this.#waiting.get(userId)
    if (!claim) {
      lease.release() // whoever asked has left
      return
    }
    claim.give()
    claim.settle.resolve(lease)
  }

  #release(userId: UserId, lease: Lease): void {
    if (this.#held.get(userId)?.lease !== lease) return
    this.#held.delete(userId)
    this.#returned.push({ user_id: userId, epoch: lease.epoch })
    this.#returning ??= this.#giveBack()
  }

  /** One statement for all that are released while the one before is under way. */
  async #giveBack(): Promise<void> {
    await null // who is released in the same breath goes with it
    while (this.#returned.length > 0) {
      const leases = this.#returned
      this.#returned = []
      // A row that could not be given back expires by itself.
      await this.#rows.giveBack(leases).catch(this.#parts.failed)
    }
    this.#returning = undefined
  }

  #armRenewal(): () => void {
    return this.#parts.clock.after(this.#times.renewMs, () => {
      this.#cancelRenewal = this.#armRenewal()
      if (this.#isRenewing) return // it waits for the database
      this.#isRenewing = true
      void this.#renew()
        .catch(this.#parts.failed)
        .finally(() => {
          this.#isRenewing = false
        })
    })
  }

  #watch(): void {
    this.#cancelWatch = this.#parts.clock.after(WATCH_MS, () => {
      this.#endWhatIsOver()
      this.#watch()
    })
  }

  async #renew(): Promise<void> {
    const before = [...this.#held]
    if (before.length === 0) return
    this.#endWhatIsOver()
    const sent = this.#parts.clock.monotonic()
    const renewed = epochs(await this.#rows.renew())
    const skipped: [UserId, Held][] = []
    for (const [userId, held] of before) {
      if (renewed.get(userId) === held.lease.epoch) held.deadline = this.#deadlineOf(sent)
      else skipped.push([userId, held])
    }
    if (skipped.length === 0) return
    const kept = epochs(await this.#rows.held(skipped.map(([userId]) => userId)))
    for (const [userId, held] of skipped)
      if (kept.get(userId) !== held.lease.epoch) this.#lose(userId, held)
  }

  /** Another gateway has it, or may have it soon. */
  #lose(userId: UserId, held: Held): void {
    if (this.#held.get(userId) !== held) return
    this.#held.delete(userId)
    this.#parts.onLost(userId)
  }

  #endWhatIsOver(): void {
    for (const [userId, held] of this.#held) if (this.#isOver(held)) this.#lose(userId, held)
  }

  #isOver({ deadline }: Held): boolean {
    return this.#parts.clock.monotonic() >= deadline
  }

  /** `sent`: before the statement was, so that what the database adds to its time is later. */
  #deadlineOf(sent: number): number {
    const { leaseMarginMs } = this.#parts.store.terms
    return leaseMarginMs > 0 ? sent + this.#times.leaseMs - leaseMarginMs : Number.POSITIVE_INFINITY
  }
}

const epochs = (rows: readonly LeaseRow[]): ReadonlyMap<string, number> =>
  new Map(rows.map(({ user_id, epoch }) => [user_id, epoch]))

const heldElsewhere = (): GatewayError =>
  new GatewayError('ERR_LEASE_HELD', 'Another gateway serves this account; try again.', {
    retryAfter: 1
  })

const lost = (): GatewayError =>
  new GatewayError('ERR_LEASE_LOST', 'Another gateway serves this account now; try again.', {
    retryAfter: 1
  })
