import { createHash } from 'node:crypto'
import { GatewayError } from '#shared/errors.ts'
import { asSessionId, type SessionId, type WorkerId } from '#shared/ids.ts'
import { sessionHash } from '#shared/session-hash.ts'
import type { RunningWorker } from '../supervisor/supervisor.ts'
import type { Session } from './session.ts'

const DEADLINE_MS = 10_000

/**
 * Sessions in workers of other mailboxes than the one that they belong to: a call that names such a mailbox is served there
 * under another id, which only the gateway and that worker know. Nobody can be asked there, since a client's answer says
 * nothing of whose question it was.
 */
export class GuestSessions {
  readonly #guests = new Map<WorkerId, Guests>()

  /** Resolves with the id under which `worker` serves the session. Rejects as `Restorer.ensure`. */
  async ensure(session: Session, worker: RunningWorker): Promise<SessionId> {
    const { sessions } = this.#guests.get(worker.id) ?? this.#receive(worker)
    const known = sessions.get(session.hash)
    const entering = known ?? enter(session, worker)
    if (!known) {
      sessions.set(session.hash, entering)
      entering.catch(() => sessions.delete(session.hash))
    }
    await entering
    return guestId(session, worker)
  }

  /** The session has ended: it ends in each worker that knows it. */
  ended(session: Session): void {
    for (const { worker, sessions } of this.#guests.values())
      if (sessions.delete(session.hash)) leave(session, worker)
  }

  #receive(worker: RunningWorker): Guests {
    const guests = { worker, sessions: new Map<string, Promise<void>>() }
    this.#guests.set(worker.id, guests)
    void worker.gone.then(() => this.#guests.delete(worker.id))
    return guests
  }
}

interface Guests {
  readonly worker: RunningWorker
  /** By their hashes. */
  readonly sessions: Map<string, Promise<void>>
}

const guestId = ({ hash }: Session, { userId }: RunningWorker): SessionId =>
  asSessionId(createHash('sha256').update(`guest ${hash} ${userId}`).digest('base64url'))

async function enter(session: Session, worker: RunningWorker): Promise<void> {
  const { initialize } = session
  const { ok } = await worker.channel.ask(
    {
      type: 'restore',
      sessionId: guestId(session, worker),
      initialize: { ...initialize, capabilities: {} }
    },
    DEADLINE_MS
  )
  if (!ok) throw notEntered()
  if (!session.ended) return
  leave(session, worker)
  throw new GatewayError('ERR_SESSION_UNKNOWN', 'Session not found')
}

const leave = (session: Session, worker: RunningWorker): void =>
  worker.channel.send({
    type: 'end-session',
    sessionHash: sessionHash(guestId(session, worker))
  })

const notEntered = (): GatewayError =>
  new GatewayError(
    'ERR_WORKER_START',
    'The session could not be brought into the process of this mailbox; try again.',
    { retryAfter: 1 }
  )
