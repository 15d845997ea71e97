import type { Clock } from '#shared/clock.ts'
import type { UserId } from '#shared/ids.ts'
import type { HeldBytes } from '../http/held-bytes.ts'
import type { Whereabouts } from '../ownership/whereabouts.ts'
import type { PeerKeys } from './peer-keys.ts'
import { PeerPools } from './peer-pools.ts'
import { PeerRoutes } from './peer-routes.ts'
import { createPeerWay, type OpenPeerWay, type Passed } from './peer-way.ts'

export interface PeersParts {
  readonly keys: PeerKeys
  readonly whereabouts: Whereabouts
  readonly clock: Clock
  readonly held: HeldBytes
  readonly maxBody: number
  /** Whether this gateway has the person's lease, or is about to. */
  readonly isHere: (userId: UserId) => boolean
  /** Whether this gateway takes one more person. */
  readonly hasRoom: () => boolean
  /** Gives the person up when the calls in flight are answered. Never rejects. */
  readonly letGo: (userId: UserId) => Promise<void>
  readonly passed: (result: Passed) => void
  readonly onReach: (url: string, isReached: boolean) => void
  readonly failed: (error: unknown) => void
}

/** The other gateways over the same database, as this one reaches them. */
export interface Peers {
  readonly routes: PeerRoutes
  readonly way: OpenPeerWay
  /** Breaks off whatever goes on. */
  close(): Promise<void>
}

const PROBE_MS = 1000

export function openPeers(parts: PeersParts): Peers {
  const pools = new PeerPools(parts.keys)
  const routes: PeerRoutes = new PeerRoutes({
    ...parts,
    onGone: (peer) => way.gone(peer),
    onReach: ({ url }, isReached) => parts.onReach(url, isReached),
    async probe({ url }) {
      const signal = AbortSignal.timeout(PROBE_MS)
      try {
        const { body, statusCode } = await pools
          .to(url)
          .request({ method: 'GET', path: '/health', signal })
        await body.dump()
        return statusCode === 200
      } catch {
        return false
      }
    }
  })
  const way = createPeerWay({ ...parts, routes, pools })
  return {
    routes,
    way,
    async close() {
      routes.close()
      await pools.close()
    }
  }
}
