import type { Clock } from '#shared/clock.ts'
import type { UserId } from '#shared/ids.ts'
import type { PeerDiscovery, PeerInstance } from '../ownership/peer-discovery.ts'

/** How often it is looked which gateways there are and how full they are. */
const LOOK_MS = 2000
/** A person was last known there: nobody else is asked for so long, since the gateway itself says when it is not so. */
const KNOWN_MS = 10_000
/** The same while the database cannot be asked. */
const KNOWN_WITHOUT_STORE_MS = 15_000
/** A gateway that could not be reached is not tried for longer than its leases live, unless it answers a probe. */
const SHUNNED_MS = 20_000
/** People who are remembered with their gateway. */
const MOST_KNOWN = 50_000

export type Peer = Pick<PeerInstance, 'id' | 'url'>

export interface PeerRoutingParts {
  readonly whereabouts: PeerDiscovery
  readonly clock: Clock
  /** Whether this gateway has the person's lease, or is about to. */
  readonly isHere: (userId: UserId) => boolean
  /** Whether this gateway takes one more person. */
  readonly hasRoom: () => boolean
  /** Resolves with whether the gateway answers. Must not reject. */
  readonly probe: (peer: Peer) => Promise<boolean>
  /** Whatever was sent there will not be answered. */
  readonly onGone: (peer: Pick<Peer, 'id'>) => void
  /** Tells operators, once until the next change. */
  readonly onReach: (peer: Peer, isReached: boolean) => void
  /** So many are alive and not reached. */
  readonly unreached: (count: number) => void
  /** The store could not be asked. */
  readonly failed: (error: unknown) => void
}

interface Known {
  readonly peer: Peer
  /** As `Clock.monotonic`. */
  readonly at: number
}

/** Which gateway a person's request is for. */
export class PeerRouting {
  readonly #parts: PeerRoutingParts
  /** The oldest first. */
  readonly #known = new Map<UserId, Known>()
  /** Until when, as `Clock.monotonic`. */
  readonly #shunned = new Map<string, number>()
  #peers = new Map<string, PeerInstance>()
  #cancelLook = (): void => {}
  #isClosed = false

  constructor(parts: PeerRoutingParts) {
    this.#parts = parts
    void this.#look()
  }

  /**
   * The gateway that serves this person, or should; undefined when this one does, should, or has to wait for the lease of
   * one that is not reached. Never rejects: without the database the last that is known counts.
   */
  async whereFor(userId: UserId): Promise<Peer | undefined> {
    if (this.#parts.isHere(userId)) return undefined
    const known = this.#knownFor(userId, KNOWN_MS)
    if (known) return known
    try {
      return await this.#ask(userId, this.#parts.hasRoom())
    } catch (error) {
      this.#parts.failed(error)
      return this.#knownFor(userId, KNOWN_WITHOUT_STORE_MS)
    }
  }

  /** As `whereFor`, when this gateway does not serve whom it is asked for, although it may still have the lease. */
  async anotherFor(userId: UserId): Promise<Peer | undefined> {
    this.#known.delete(userId)
    return this.#ask(userId, false).catch(() => undefined)
  }

  /** It has answered for this person. */
  serves(userId: UserId, peer: Peer): void {
    this.#known.delete(userId) // and comes last again
    this.#known.set(userId, { peer, at: this.#parts.clock.monotonic() })
    const [oldest] = this.#known.keys()
    if (this.#known.size > MOST_KNOWN && oldest !== undefined) this.#known.delete(oldest)
  }

  /** It says that it does not serve this person. */
  servesNot(userId: UserId): void {
    this.#known.delete(userId)
  }

  /** Nothing could be sent to it. */
  notReached(peer: Peer): void {
    const isNews = !this.#shunned.has(peer.id)
    this.#shunned.set(peer.id, this.#parts.clock.monotonic() + SHUNNED_MS)
    if (isNews) this.#parts.onReach(peer, false)
    this.#parts.unreached(this.#shunned.size)
  }

  /** Whether requests are passed on to this gateway, as far as that is known now. */
  isReached(id: string): boolean {
    const until = this.#shunned.get(id)
    return until === undefined || until <= this.#parts.clock.monotonic()
  }

  /** Whether a gateway has answered for this person lately: it will say itself whether it still may. */
  knows(userId: UserId): boolean {
    return this.#knownFor(userId, KNOWN_WITHOUT_STORE_MS) !== undefined
  }

  /** The gateways there are, without this one, as they were at the last look. */
  list(): readonly PeerInstance[] {
    return [...this.#peers.values()]
  }

  /** May be called more than once. */
  close(): void {
    this.#isClosed = true
    this.#cancelLook()
  }

  #knownFor(userId: UserId, ms: number): Peer | undefined {
    const known = this.#known.get(userId)
    if (!known || !this.isReached(known.peer.id) || !this.#peers.has(known.peer.id))
      return undefined
    return known.at + ms > this.#parts.clock.monotonic() ? known.peer : undefined
  }

  async #ask(userId: UserId, mayStay: boolean): Promise<Peer | undefined> {
    const [holder] = await this.#parts.whereabouts.holdersOf([userId])
    if (!holder) return mayStay ? undefined : this.#leastLoaded()
    const { node: id, peer_url: url } = holder
    if (this.#parts.isHere(userId)) return mayStay ? undefined : this.#leastLoaded()
    return url !== null && this.isReached(id) ? { id, url } : undefined
  }

  /** Undefined when every other one is as full as this one. */
  #leastLoaded(): Peer | undefined {
    const open = this.list().filter(
      ({ id, workers, limit }) => workers < limit && this.isReached(id)
    )
    const [best] = open.toSorted((a, b) => a.workers / a.limit - b.workers / b.limit)
    // Until it says so itself: not all who come meanwhile go to the same one.
    if (best) this.#peers.set(best.id, { ...best, workers: best.workers + 1 })
    return best
  }

  async #look(): Promise<void> {
    const { whereabouts, clock, onGone, failed } = this.#parts
    try {
      const before = this.#peers
      this.#peers = new Map((await whereabouts.peers()).map((peer) => [peer.id, peer]))
      for (const id of before.keys()) if (!this.#peers.has(id)) onGone({ id })
      await this.#tryShunned()
    } catch (error) {
      failed(error)
    }
    if (!this.#isClosed) this.#cancelLook = clock.after(LOOK_MS, () => void this.#look())
  }

  async #tryShunned(): Promise<void> {
    for (const id of [...this.#shunned.keys()]) {
      const peer = this.#peers.get(id)
      if (peer && !(await this.#parts.probe(peer))) continue
      this.#shunned.delete(id)
      if (peer) this.#parts.onReach(peer, true)
    }
    this.#parts.unreached(this.#shunned.size)
  }
}
