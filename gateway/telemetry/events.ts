import { createHash } from 'node:crypto'
import type { Clock } from '#shared/clock.ts'
import type { EventFields, EventType, LifeEvent } from './event-types.ts'
import type { Log } from './log.ts'

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
