import type { Clock } from '#shared/clock.ts'
import type { UserId } from '#shared/ids.ts'
import type { PeerDiscovery } from '../ownership/peer-discovery.ts'
import type { PeerRouting } from './peer-routing.ts'

/** For so long a person's stream may be at another gateway than their worker. */
const LOOK_MS = 1000

export interface StreamWatchParts {
  readonly clock: Clock
  readonly whereabouts: Pick<PeerDiscovery, 'holdersOf'>
  readonly routes: Pick<PeerRouting, 'isReached'>
  /** Whose streams are parked here. */
  readonly parked: () => readonly UserId[]
  readonly isHere: (userId: UserId) => boolean
  /** Whether this gateway takes anybody. */
  readonly isTaking: () => boolean
  /** Ends the streams so that their clients open them again at once. */
  readonly handOver: (userId: UserId) => void
  readonly failed: (error: unknown) => void
}

/**
 * Streams that are parked here go where the person's worker is: a call that came in at another gateway has started it
 * there. Returns what ends the watch.
 */
export function watchStreams(parts: StreamWatchParts): () => void {
  const { clock, whereabouts, routes, failed } = parts
  let cancel = (): void => {}
  let isClosed = false

  const look = async (): Promise<void> => {
    const users = parts.parked().filter((userId) => !parts.isHere(userId))
    if (users.length === 0) return
    if (!parts.isTaking()) {
      for (const userId of users) parts.handOver(userId)
      return
    }
    for (const { user_id, node, peer_url } of await whereabouts.holdersOf(users)) {
      const userId = user_id as UserId // as it was asked for
      if (peer_url !== null && routes.isReached(node) && !parts.isHere(userId))
        parts.handOver(userId)
    }
  }

  const arm = (): void => {
    cancel = clock.after(LOOK_MS, () => {
      void look()
        .catch(failed)
        .finally(() => {
          if (!isClosed) arm()
        })
    })
  }
  arm()
  return () => {
    isClosed = true
    cancel()
  }
}
