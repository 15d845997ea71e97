import type { Clock } from '#shared/clock.ts'
import type { UserId } from '#shared/ids.ts'
import { type HolderRow, LeaseRows } from '../store/lease-rows.ts'
import type { Store } from '../store/store.ts'
import type { GatewayInstance } from './gateway-instance.ts'

/** Another gateway over the same store, that serves and can be reached. */
export interface PeerInstance {
  /** Its `nodes.id`. */
  readonly id: string
  /** Where it takes requests from gateways: an origin. */
  readonly url: string
  readonly workers: number
  /** The most workers that it takes; 0 when it takes nobody new. */
  readonly limit: number
}

/** Who serves whom, as the database has it. Its functions reject with ERR_STORE while that cannot be asked. */
export interface PeerDiscovery {
  /** Who holds these people's leases now; who is held by nobody is not in it. */
  holdersOf(users: readonly UserId[]): Promise<readonly HolderRow[]>
  /** The living gateways that serve and can be reached, without this one. */
  peers(): Promise<PeerInstance[]>
  /** The living gateways that serve, without this one; `url` is null where others cannot reach it. */
  nodes(): Promise<(Omit<PeerInstance, 'url'> & { readonly url: string | null })[]>
}

export function createPeerDiscovery(parts: {
  readonly store: Store
  readonly clock: Clock
  readonly node: Pick<GatewayInstance, 'id'>
}): PeerDiscovery {
  const { store, clock, node } = parts
  const leases = new LeaseRows(store, clock, node.id, 0)
  const nodes: PeerDiscovery['nodes'] = async () => {
    const rows = await store.db
      .selectFrom('nodes')
      .select(['id', 'peer_url as url', 'workers', 'worker_limit as limit'])
      .where('id', '!=', node.id)
      .where('state', '=', 'serving')
      .where('expires_at', '>', store.terms.now(clock.now()))
      .execute()
    return rows
  }
  return {
    holdersOf: (users) => leases.holders(users),
    nodes,
    peers: async () =>
      (await nodes()).flatMap(({ url, ...node }) => (url === null ? [] : [{ ...node, url }]))
  }
}
