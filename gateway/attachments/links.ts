import { randomBytes } from 'node:crypto'
import type { Clock } from '#shared/clock.ts'
import type { UserId } from '#shared/ids.ts'

/** What a link leads to: an attachment of one account. */
export interface LinkTarget {
  readonly userId: UserId
  readonly messageId: string
  readonly partId: string
}

interface Link extends LinkTarget {
  /** As `Clock.monotonic`. */
  readonly until: number
}

const LIFE_MS = 10 * 60_000
/** Of one account at a time; the oldest gives way. */
const MOST_PER_USER = 100

/**
 * Links under which attachments can be fetched without a token. A link is unguessable, good once, for ten
 * minutes, and forgotten when the gateway stops.
 */
export class AttachmentLinks {
  readonly #clock: Clock
  readonly #links = new Map<string, Link>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  create(target: LinkTarget): { readonly ticket: string; readonly expiresAt: number } {
    this.#makeRoom(target.userId)
    const ticket = randomBytes(32).toString('base64url')
    this.#links.set(ticket, { ...target, until: this.#clock.monotonic() + LIFE_MS })
    return { ticket, expiresAt: this.#clock.now() + LIFE_MS }
  }

  /** What the link leads to, this once; undefined when it was used, is too old, or never was. */
  take(ticket: string): LinkTarget | undefined {
    const link = this.#links.get(ticket)
    this.#links.delete(ticket)
    return link && link.until > this.#clock.monotonic() ? link : undefined
  }

  #makeRoom(userId: UserId): void {
    const now = this.#clock.monotonic()
    const own: string[] = []
    for (const [ticket, link] of this.#links) {
      if (link.until <= now) this.#links.delete(ticket)
      else if (link.userId === userId) own.push(ticket)
    }
    const [oldest] = own
    if (own.length >= MOST_PER_USER && oldest !== undefined) this.#links.delete(oldest)
  }
}
