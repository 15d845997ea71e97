import type { Clock } from '#shared/clock.ts'
import type { OtherNode, OtherNodes } from '../admin/nodes.ts'
import { REQUEST_ID } from '../http/assign-request-id.ts'
import type { PeerDiscovery } from '../ownership/peer-discovery.ts'
import { OPERATOR_HEADER, writeOperator } from './forwarded-operator.ts'
import { type PeerConnections, PeerUnreachable } from './peer-connections.ts'
import type { PeerRouting } from './peer-routing.ts'

export interface OtherNodesParts {
  readonly whereabouts: Pick<PeerDiscovery, 'nodes'>
  readonly clock: Clock
  /** Absent where no other gateway can be reached, because this one has no PEER_URL. */
  readonly reach?:
    | {
        readonly pools: PeerConnections
        readonly routes: Pick<PeerRouting, 'isReached' | 'notReached'>
      }
    | undefined
}

interface Known extends OtherNode {
  readonly id: string
  readonly url: string | null
}

/** A gateway's name for operators: what others reach it by, without the scheme. */
export const nodeNameOf = (peerUrl: string | null | undefined): string | undefined =>
  peerUrl ? new URL(peerUrl).host : undefined

/** The other gateways, as operators see them through this one. */
export function createOtherNodes({ whereabouts, clock, reach }: OtherNodesParts): OtherNodes {
  const all = async (): Promise<Known[]> =>
    (await whereabouts.nodes()).map((node) => ({ ...node, name: nodeNameOf(node.url) ?? node.id }))
  return {
    list: all,
    async ask({ name }, { method, url: path, operator, requestId, ms }) {
      const node = (await all()).find((one) => one.name === name)
      if (!node?.url || !reach?.routes.isReached(node.id)) return undefined
      const late = new AbortController()
      const cancel = ms === undefined ? () => {} : clock.after(ms, () => late.abort())
      try {
        const { statusCode: status, body } = await reach.pools.to(node.url).request({
          ...{ method, path, signal: late.signal },
          headers: { [OPERATOR_HEADER]: writeOperator(operator), [REQUEST_ID]: requestId }
        })
        return { status, body: await body.json() }
      } catch (error) {
        if (error instanceof PeerUnreachable)
          reach.routes.notReached({ id: node.id, url: node.url })
        return undefined
      } finally {
        cancel()
      }
    }
  }
}
