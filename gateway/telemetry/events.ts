import { createHash } from 'node:crypto'
import type { Clock } from '#shared/clock.ts'
import type { Log } from './log.ts'

/** What happens in the life of people, sessions, workers and calls. */
export type EventType =
  | 'account' // a person, or Google, changed something of an account: sign-in, consent, tokens, sign-out
  | 'admin' // an operator changed something
  | 'call_failed'
  | 'gmail_failed' // one request to Gmail; the call may have gone well in the end
  | 'lease_lost' // another gateway runs this person's worker now
  | 'lease_released'
  | 'lease_taken'
  | 'operator_refused'
  | 'reauth_required' // Google no longer accepts an account's grant
  | 'session_ended'
  | 'session_resumed' // put back into a worker, or not
  | 'session_started'
  | 'worker_ended'
  | 'worker_failed' // to become ready
  | 'worker_ready'

/** Names, numbers and our own ids; never a token, a session id, an address or a word of a mail. */
export interface EventFields {
  readonly userId?: string | undefined
  readonly [name: string]: string | number | null | undefined
}

export interface LifeEvent {
  readonly type: EventType
  /** ISO 8601. */
  readonly at: string
  readonly fields: EventFields
}

/** Tells what happens: a line in the log each, and to every operator who listens. */
export class Events {
  readonly #log: Log
  readonly #clock: Clock
  readonly #listeners = new Set<(event: LifeEvent) => void>()

  constructor(log: Log, clock: Clock) {
    this.#log = log
    this.#clock = clock
  }

  /** The log has a hash of the person in the place of the id. */
  tell(type: EventType, fields: EventFields, level: 'debug' | 'info' | 'warn' = 'info'): void {
    const { userId, target: _, ...others } = fields // a target may be a person
    const user = userId === undefined ? undefined : userHash(userId)
    this.#log[level](
      { event: type, ...others, ...(user !== undefined && { user }) },
      type.replaceAll('_', ' ')
    )
    const event = { type, at: new Date(this.#clock.now()).toISOString(), fields }
    for (const hear of this.#listeners) hear(event)
  }

  /** `hear` must not throw. The returned function ends it, and may be called more than once. */
  listen(hear: (event: LifeEvent) => void): () => void {
    this.#listeners.add(hear)
    return () => this.#listeners.delete(hear)
  }
}

/** How the log names a person: the same each time, and nothing that anybody can look up at Google. */
export const userHash = (userId: string): string =>
  createHash('sha256').update(userId).digest('hex').slice(0, 12)
