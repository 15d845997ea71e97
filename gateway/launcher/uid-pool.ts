import type { Clock } from '#shared/clock.ts'
import { GatewayError } from '#shared/errors.ts'
import type { UidClaims } from './uid-claims.ts'

export interface UidRange {
  readonly first: number
  readonly last: number
}

/** Reads `200000-200999`. Throws ERR_CONFIG when it is no range of at least two ids other than root's. */
export function parseUidRange(text: string): UidRange {
  const [first = 0, last = 0] = text.split('-').map(Number)
  if (first > 0 && last > first) return { first, last }
  throw new GatewayError('ERR_CONFIG', 'WORKER_UIDS must be a range such as 200000-200999.')
}

export interface UidPoolParts {
  readonly range: UidRange
  readonly clock: Clock
  /** The processes that run under this user id. */
  readonly processesOf: (uid: number) => Promise<number[]>
  /** Must not throw. */
  readonly kill: (pid: number) => void
  /** Keeps the gateways of this machine that share the range from giving one id to two people. */
  readonly claims: UidClaims
}

const TRIES = 40
const PAUSE_MS = 25

/** User ids for workers, one each. An id is free again only when no process of it is left. */
export class UidPool {
  readonly #parts: UidPoolParts
  readonly #free: number[]
  /** Ids of which a process would not die. */
  readonly #stuck = new Set<number>()

  constructor(parts: UidPoolParts) {
    const { first, last } = parts.range
    this.#parts = parts
    this.#free = Array.from({ length: last - first + 1 }, (_, index) => first + index)
  }

  /** The id that has been free the longest. Throws ERR_WORKER_CAPACITY. */
  take(): number {
    const index = this.#free.findIndex((uid) => this.#parts.claims.claim(uid))
    const [uid] = index < 0 ? [] : this.#free.splice(index, 1)
    if (uid !== undefined) return uid
    void this.#tryStuck() // never rejects; the next one may find an id
    throw new GatewayError('ERR_WORKER_CAPACITY', 'No user id is free for another worker.')
  }

  /**
   * Ends what still runs under this id and makes it free. An id of which a process will not die is tried
   * again whenever another one is given back or none is left. Never rejects.
   */
  async free(uid: number): Promise<void> {
    void this.#tryStuck() // never rejects
    for (let tries = 0; tries < TRIES; tries++) {
      if (await this.#tryFree(uid)) return
      await new Promise<void>((resolve) => this.#parts.clock.after(PAUSE_MS, resolve))
    }
    this.#stuck.add(uid)
  }

  async #tryStuck(): Promise<void> {
    const stuck = [...this.#stuck]
    this.#stuck.clear() // an id that is being tried is tried by nobody else, or it would be free twice
    for (const uid of stuck) if (!(await this.#tryFree(uid))) this.#stuck.add(uid)
  }

  async #tryFree(uid: number): Promise<boolean> {
    const left = await this.#parts.processesOf(uid).catch(() => undefined)
    if (left?.length !== 0) {
      for (const pid of left ?? []) this.#parts.kill(pid)
      return false
    }
    this.#parts.claims.giveBack(uid)
    this.#free.push(uid)
    return true
  }
}
