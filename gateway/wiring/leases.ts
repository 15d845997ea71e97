/** What gateways over the same store agree on: who runs whom, who has the ports, and what has changed. */

import { randomBytes } from 'node:crypto'
import { systemClock } from '#shared/clock.ts'
import type { UserId } from '#shared/ids.ts'
import type { Reload } from '../admin/reload.ts'
import { startIfThere } from '../launcher/procfs.ts'
import type { AccountEffects, AccountEffectsParts } from '../mcp/account-effects.ts'
import { type GatewayInstance, thisInstance } from '../ownership/gateway-instance.ts'
import { hostId } from '../ownership/host-id.ts'
import { type PeerNotice, PortHandover } from '../ownership/port-handover.ts'
import { SqlOwnership } from '../ownership/sql-ownership.ts'
import type { Peers } from '../peers/peers.ts'
import { type Change, ChangeFeed } from '../store/change-feed.ts'
import type { HolderRow } from '../store/lease-rows.ts'
import type { Store } from '../store/store.ts'
import { isStoreError } from '../store/store-trouble.ts'
import type { Log } from '../telemetry/log.ts'
import type { Core } from './core.ts'
import { observedLeases } from './observed-leases.ts'

/** Who runs whom and who has the ports; `late` are parts that are joined after this one. */
export function leasesFor(
  {
    config,
    log,
    store,
    events,
    metrics
  }: Pick<Core, 'config' | 'log' | 'store' | 'events' | 'metrics'>,
  late: {
    stop(userId: UserId): void
    peers(): Peers | undefined
    load: PeerNotice['load']
  }
) {
  const node = thisInstance({
    host: hostId(),
    pid: process.pid,
    startOf: startIfThere,
    randomHex: (bytes) => randomBytes(bytes).toString('hex')
  })
  const failed = (err: unknown): void => {
    if (!isStoreError(err)) log.error({ err }, 'lease not written') // the store has told its trouble itself
  }
  const parts = { store, clock: systemClock, node, failed }
  const onLost = (userId: UserId): void => {
    ownership.lost(userId)
    late.stop(userId)
  }
  const isReached = ({ node: holder, peer_url }: HolderRow): boolean =>
    peer_url !== null && (late.peers()?.routes.isReached(holder) ?? false)
  const peer = config.PEER_URL === undefined ? undefined : { url: config.PEER_URL, load: late.load }
  const ownership = observedLeases(new SqlOwnership({ ...parts, onLost, isReached }), {
    events,
    metrics
  })
  return {
    ownership,
    node,
    // Where other machines may take people over, a lease that lasts is a proof that none has yet; who was led to another
    // gateway meets that gateway's own lease.
    goesOn: (userId: UserId) =>
      store.terms.leaseMarginMs > 0 &&
      (ownership.leftMs(userId) > 0 || (late.peers()?.routes.knows(userId) ?? false)),
    succession: new PortHandover({ ...parts, peer, port: config.PORT, opsPort: config.OPS_PORT })
  }
}

/** Where several machines may share the database, they hear of each other's changes. */
export function changesFor(
  store: Store,
  { id: node }: Pick<GatewayInstance, 'id'>,
  log: Log,
  followers: () => { readonly people: AccountEffects; readonly reload: Reload }
): { changes: ChangeFeed | undefined; tellOthers: AccountEffectsParts['tellOthers'] } {
  if (store.terms.leaseMarginMs === 0) return { changes: undefined, tellOthers: undefined }
  const follow = async (change: Change): Promise<void> => {
    const { people, reload } = followers()
    if (change.kind === 'reload') await reload({ isTold: true })
    else await people.heard(change)
  }
  const changes = new ChangeFeed({
    ...{ store, clock: systemClock, node },
    heard: (change) =>
      void follow(change).catch((err: unknown) => log.error({ err }, 'a change was not followed')),
    failed(err) {
      if (!isStoreError(err)) log.error({ err }, 'not heard of changes')
    }
  })
  return { changes, tellOthers: (change) => changes.tell(change) }
}
