import type { Clock } from '#shared/clock.ts'
import { GatewayError } from '#shared/errors.ts'
import type { SessionId, WorkerId } from '#shared/ids.ts'
import type { RunningWorker } from '../supervisor/supervisor.ts'
import type { Session } from './session.ts'

/** A replay takes milliseconds; a worker that needs this long is stuck. */
const DEADLINE_MS = 10_000

export interface RestoreEvents {
  restored(session: Session, ok: boolean, seconds: number): void
}

/** Brings sessions back into a worker that does not know them, each once however many requests ask. */
export class Restorer {
  readonly #clock: Clock
  readonly #events: RestoreEvents
  readonly #flights = new Map<Session, { worker: WorkerId; done: Promise<void> }>()

  constructor(clock: Clock, events: RestoreEvents) {
    this.#clock = clock
    this.#events = events
  }

  /**
   * Resolves when `worker` serves the session. Rejects with ERR_SESSION_UNKNOWN when the session ended
   * meanwhile, ERR_WORKER_GONE when the worker did.
   */
  async ensure(session: Session, id: SessionId, worker: RunningWorker): Promise<void> {
    if (session.liveIn === worker.id) return
    const flying = this.#flights.get(session)
    if (flying?.worker === worker.id) return flying.done
    const done = this.#restore(session, id, worker).finally(() => {
      if (this.#flights.get(session)?.done === done) this.#flights.delete(session)
    })
    this.#flights.set(session, { worker: worker.id, done })
    return done
  }

  async #restore(session: Session, id: SessionId, worker: RunningWorker): Promise<void> {
    const startedAt = this.#clock.monotonic()
    const ok = await worker.channel
      .ask({ type: 'restore', sessionId: id, initialize: session.initialize }, DEADLINE_MS)
      .then((answer) => answer.ok)
    this.#events.restored(session, ok, (this.#clock.monotonic() - startedAt) / 1000)
    if (session.ended) {
      worker.channel.send({ type: 'end-session', sessionHash: session.hash })
      throw new GatewayError('ERR_SESSION_UNKNOWN', 'Session not found')
    }
    if (!ok) {
      throw new GatewayError(
        'ERR_WORKER_START',
        'The session could not be brought back into its process; try again.',
        { retryAfter: 1 }
      )
    }
    session.liveIn = worker.id
  }
}
