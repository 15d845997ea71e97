/** The way to gateways on other machines. */

import { systemClock } from '#shared/clock.ts'
import type { UserId } from '#shared/ids.ts'
import type { OtherNodes } from '../admin/nodes.ts'
import type { Config } from '../config/config.ts'
import { peerKeysOf } from '../config/peer-tls.ts'
import type { DataPlane } from '../mcp/data-plane.ts'
import type { GatewayInstance } from '../ownership/gateway-instance.ts'
import type { Ownership } from '../ownership/ownership.ts'
import { createPeerDiscovery } from '../ownership/peer-discovery.ts'
import { instanceTag } from '../peers/instance-tag.ts'
import { createOtherNodes } from '../peers/other-nodes.ts'
import { openPeers, type Peers } from '../peers/peers.ts'
import { createSignInWay } from '../peers/sign-in-way.ts'
import { isStoreError } from '../store/store-trouble.ts'
import { type LinkedRequests, linkedHere } from '../tool-sign-in/linked-requests.ts'
import type { Core } from './core.ts'

/** Workers that have a place, and how many have one at most. */
export function loadOf({ supervisor }: DataPlane): { workers: number; limit: number } {
  const { workers, limit } = supervisor.census()
  return { workers: workers.starting + workers.ready + workers.draining, limit }
}

/** What links end with, by which other gateways know whose they are; undefined where there are none. */
export const linkTagOf = (
  { PEER_URL }: Config,
  node: Pick<GatewayInstance, 'id'>
): string | undefined => (PEER_URL === undefined ? undefined : instanceTag(node.id))

/** The sign-ins by tool as the pages behind their links see them, wherever they began; undefined where there are none. */
export function linkedRequestsOf({
  toolSignIn,
  peers
}: Pick<Core, 'toolSignIn' | 'peers'>): LinkedRequests | undefined {
  const here = toolSignIn && linkedHere(toolSignIn.requests)
  return here && peers ? createSignInWay({ here, ...peers }) : here
}

/** Ends a worker here, after its calls, so that another gateway may run it. */
export const letGoBy =
  ({ supervisor }: DataPlane) =>
  (userId: UserId): Promise<void> =>
    supervisor.stop(userId, 'drain', 'drain')

/** The others over the same store, as operators see them; undefined where the store is this machine's alone. */
export const otherNodesFor = ({
  store,
  node,
  peers
}: Pick<Core, 'store' | 'peers'> & { readonly node: Pick<GatewayInstance, 'id'> }):
  | OtherNodes
  | undefined =>
  store.terms.leaseMarginMs === 0
    ? undefined
    : createOtherNodes({
        whereabouts: createPeerDiscovery({ store, clock: systemClock, node }),
        clock: systemClock,
        reach: peers
      })

/** The other gateways; undefined where PEER_URL is not set. */
export function peersFor(
  parts: Pick<Core, 'config' | 'log' | 'metrics' | 'store' | 'serving'> & {
    readonly node: Pick<GatewayInstance, 'id'>
  },
  { ownership, isTaking }: { readonly ownership: Ownership; readonly isTaking: () => boolean }
): Peers | undefined {
  const { config, log, metrics, store, serving, node } = parts
  const keys = peerKeysOf(config)
  if (!keys) return undefined
  const clock = systemClock
  return openPeers({
    keys,
    clock,
    whereabouts: createPeerDiscovery({ store, clock, node }),
    held: serving.held,
    maxBody: config.MAX_BODY,
    isHere: (userId) => serving.supervisor.expects(userId) || ownership.leftMs(userId) > 0,
    parked: () => serving.streams.users(),
    handOver: (userId) => serving.streams.handOver(userId),
    isTaking,
    hasRoom() {
      const { workers, limit } = loadOf(serving)
      return isTaking() && workers < limit
    },
    letGo: letGoBy(serving),
    callMs: config.CALL_TIMEOUT,
    unreached: (count) => metrics.peers.unreached.set({}, count),
    passed: (result) => metrics.peers.requests.inc({ result }),
    onReach(peer, isReached) {
      if (isReached) log.warn({ peer }, 'another gateway is reached again')
      else
        log.error({ peer }, 'another gateway is not reached: look at its PEER_URL and certificates')
    },
    failed(err) {
      if (!isStoreError(err)) log.error({ err }, 'another gateway was not looked for')
    }
  })
}
