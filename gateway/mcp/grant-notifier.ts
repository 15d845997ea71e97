import type { UserId } from '#shared/ids.ts'
import type { Assignment } from '../supervisor/assigned-worker.ts'
import type { Supervisor } from '../supervisor/supervisor.ts'
import type { ClientStreams } from './client-streams.ts'

export interface GrantNotifierParts {
  readonly supervisor: Pick<Supervisor, 'acquire' | 'expects'>
  readonly streams: Pick<ClientStreams, 'hasStreams' | 'bind'>
  readonly assignment: (userId: UserId) => Promise<Assignment>
}

/** Sees to it that a worker, and through it whoever listens, hears that Google's grant is another one, or what tools may do. */
export class GrantNotifier {
  readonly #parts: GrantNotifierParts
  readonly #untold = new Set<UserId>()

  constructor(parts: GrantNotifierParts) {
    this.#parts = parts
  }

  /**
   * The grant of this account is another one, or its policy. Wakes its worker when a client listens; where nobody would
   * hear it, the next worker starts with the new grant anyway. Rejects as `acquire`; then `ready` tells it.
   */
  async grantChanged(userId: UserId): Promise<void> {
    const { supervisor, streams } = this.#parts
    // A worker on its way may have been given the old grant.
    if (!supervisor.expects(userId) && !streams.hasStreams(userId)) return
    this.#untold.add(userId)
    await this.#tell(userId)
  }

  /** The account's worker is ready: hears what could not be told before. */
  workerReady(userId: UserId): void {
    if (this.#untold.has(userId)) this.#tell(userId).catch(() => {}) // the next one hears it
  }

  async #tell(userId: UserId): Promise<void> {
    const { supervisor, streams, assignment } = this.#parts
    const { worker, release } = await supervisor.acquire(userId)
    try {
      if (!this.#untold.delete(userId)) return // another flight told it
      await streams.bind(userId)
      const { googleScopes, policy } = await assignment(userId)
      worker.channel.send({
        type: 'granted',
        googleScopes: [...googleScopes],
        ...(policy && { policy })
      })
    } finally {
      release()
    }
  }
}
