import { randomBytes } from 'node:crypto'
import type { Clock } from '#shared/clock.ts'
import type { UserId } from '#shared/ids.ts'
import type { Access } from '../accounts/access-liveness.ts'

/** What every link leads to: something of one account. */
export interface LinkTarget {
  readonly userId: UserId
  /** What the link rests on: it is good for as long as all of this is. */
  readonly accesses: readonly Access[]
}

/** A file of a message, or a message as a file. */
export interface FileTarget extends LinkTarget {
  readonly messageId: string
  readonly partId: string
}

/** Where a file may be put for its account to send. */
export interface SlotTarget extends LinkTarget {
  /** The worker's own name for it. */
  readonly uploadId: string
  /** The file has so many bytes. */
  readonly size: number
}

interface Link<T> {
  readonly target: T
  /** As `Clock.monotonic`. */
  readonly until: number
  /** Somebody is fetching it. */
  isLent: boolean
}

/** A link in use: one of the two must be called at its end. */
export interface LentLink<T> {
  readonly target: T
  /** The content reached whom it was for: the link is good no more. */
  used(): void
  /** It did not: the link is as good as before. */
  giveBack(): void
}

const LIFE_MS = 10 * 60_000
/** Of one account at a time; the oldest gives way. */
const MOST_PER_USER = 100

/**
 * Links under which files can be fetched, or given, without a token. A link is unguessable, good once, for ten
 * minutes, and forgotten when the gateway stops.
 */
export class OneTimeLinks<T extends LinkTarget> {
  readonly #clock: Clock
  readonly #tag: string | undefined
  readonly #links = new Map<string, Link<T>>()

  /** `tag`: what tickets end with, by which other gateways know whose they are. */
  constructor(clock: Clock, tag?: string) {
    this.#clock = clock
    this.#tag = tag
  }

  create(target: T): { readonly ticket: string; readonly expiresAt: number } {
    this.#makeRoom(target.userId)
    const random = randomBytes(32).toString('base64url')
    const ticket = this.#tag === undefined ? random : `${random}.${this.#tag}`
    const until = this.#clock.monotonic() + LIFE_MS
    this.#links.set(ticket, { target, until, isLent: false })
    return { ticket, expiresAt: this.#clock.now() + LIFE_MS }
  }

  /** What the link leads to; undefined when it was used, is in use, is too old, or never was. */
  find(ticket: string): T | undefined {
    const link = this.#links.get(ticket)
    return link && !link.isLent && link.until > this.#clock.monotonic() ? link.target : undefined
  }

  /** Whether somebody is using it just now. */
  isLent(ticket: string): boolean {
    const link = this.#links.get(ticket)
    return link?.isLent === true && link.until > this.#clock.monotonic()
  }

  /** As `find`, and for nobody else until it is given back. */
  lend(ticket: string): LentLink<T> | undefined {
    const link = this.#links.get(ticket)
    const target = this.find(ticket)
    if (!link || !target) return undefined
    link.isLent = true
    return {
      target,
      used: () => void this.#links.delete(ticket),
      giveBack() {
        link.isLent = false
      }
    }
  }

  /** Links of this account lead nowhere any more. */
  forget(userId: UserId): void {
    for (const [ticket, link] of this.#links)
      if (link.target.userId === userId) this.#links.delete(ticket)
  }

  #makeRoom(userId: UserId): void {
    const now = this.#clock.monotonic()
    const own: string[] = []
    for (const [ticket, link] of this.#links) {
      if (link.until <= now) this.#links.delete(ticket)
      else if (link.target.userId === userId) own.push(ticket)
    }
    const [oldest] = own
    if (own.length >= MOST_PER_USER && oldest !== undefined) this.#links.delete(oldest)
  }
}
