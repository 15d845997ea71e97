import type { Clock } from '#shared/clock.ts'
import type { UserId } from '#shared/ids.ts'
import type { PeerKeys } from '../config/peer-tls.ts'
import type { LeadLink } from '../mcp/link-use.ts'
import type { PeerDiscovery } from '../ownership/peer-discovery.ts'
import type { BufferedBytes } from '../relay/buffered-bytes.ts'
import { createLinkForwarder } from './forward-link.ts'
import { createResumeForwarder } from './forward-resume.ts'
import { createPeerForwarder, type OpenPeerForwarder, type Passed } from './forward-to-peer.ts'
import { PeerConnections } from './peer-connections.ts'
import { PeerRouting } from './peer-routing.ts'
import { watchStreams } from './stream-watch.ts'

export interface PeersParts {
  readonly keys: PeerKeys
  readonly whereabouts: PeerDiscovery
  readonly clock: Clock
  readonly held: BufferedBytes
  readonly maxBody: number
  /** Whether this gateway has the person's lease, or is about to. */
  readonly isHere: (userId: UserId) => boolean
  /** Whether this gateway takes one more person. */
  readonly hasRoom: () => boolean
  /** Gives the person up when the calls in flight are answered. Never rejects. */
  readonly letGo: (userId: UserId) => Promise<void>
  /** Whose streams are parked here. */
  readonly parked: () => readonly UserId[]
  /** Ends them so that their clients open them again at once. */
  readonly handOver: (userId: UserId) => void
  /** Whether this gateway takes anybody. */
  readonly isTaking: () => boolean
  readonly passed: (result: Passed) => void
  readonly onReach: (url: string, isReached: boolean) => void
  readonly unreached: (count: number) => void
  /** As CALL_TIMEOUT. */
  readonly callMs: number
  readonly failed: (error: unknown) => void
}

/** The other gateways over the same database, as this one reaches them. */
export interface Peers {
  readonly routes: PeerRouting
  readonly way: OpenPeerForwarder
  readonly pools: PeerConnections
  readonly leadLink: LeadLink
  /** From now on other gateways are shown these, and must show others. */
  renew(keys: PeerKeys): void
  /** Hears of each renewal. */
  onRenew(hear: (keys: PeerKeys) => void): void
  /** Breaks off whatever goes on. */
  close(): Promise<void>
}

const PROBE_MS = 1000

export function openPeers(parts: PeersParts): Peers {
  const pools = new PeerConnections(parts.keys)
  const hearers: ((keys: PeerKeys) => void)[] = []
  const routes: PeerRouting = new PeerRouting({
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
  const way = createPeerForwarder({ ...parts, routes, pools })
  const unwatch = watchStreams({ ...parts, routes })
  return {
    routes,
    pools,
    way: { ...way, leadBack: createResumeForwarder({ ...parts, routes, pools }) },
    leadLink: createLinkForwarder({
      pools,
      peers: () => routes.list(),
      notReached: (peer) => routes.notReached(peer)
    }),
    renew(keys) {
      pools.renew(keys)
      for (const hear of hearers) hear(keys)
    },
    onRenew: (hear) => void hearers.push(hear),
    async close() {
      unwatch()
      routes.close()
      await pools.close()
    }
  }
}
