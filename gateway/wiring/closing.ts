import { systemClock } from '#shared/clock.ts'
import type { KeyWatch } from '../accounts/key-watch.ts'
import type { Gauges } from '../admin/collect-gauges.ts'
import type { Readiness } from '../admin/readiness.ts'
import type { Ownership } from '../ownership/ownership.ts'
import type { PortHandover } from '../ownership/port-handover.ts'
import { ConnectionDrain } from '../server/connection-drain.ts'
import { gracefulShutdown } from '../server/graceful-shutdown.ts'
import type { ChangeFeed } from '../store/change-feed.ts'
import type { Core } from './core.ts'
import type { Gateway } from './wiring.ts'

/** Leaves in order: what is asked for first, what it stands on last. */
export function closeOf(
  parts: Pick<Core, 'config' | 'serving' | 'toolSignIn' | 'patience' | 'peers' | 'books'> &
    Pick<Gateway, 'app' | 'opsApp' | 'peerApp'> & {
      readonly readiness: Readiness
      readonly gauges: Gauges
      readonly ownership: Ownership
      readonly succession: PortHandover
      readonly keyWatch: KeyWatch
      readonly changes: ChangeFeed | undefined
      readonly closeBase: () => Promise<void>
    }
): () => Promise<void> {
  const { app, opsApp, peerApp, serving, succession, ownership } = parts
  const clock = systemClock
  const doorway = new ConnectionDrain(app.server, clock)
  const opsDoorway = new ConnectionDrain(opsApp.server, clock)
  const peerEntrance = peerApp && {
    app: peerApp,
    doorway: new ConnectionDrain(peerApp.server, clock)
  }
  const { way } = parts.peers ?? {}
  const leavePeers = way && ((ms: number) => way.leave(ms))
  const leaving = {
    ...{ clock, app, opsApp, doorway, opsDoorway, peerEntrance, serving, succession },
    leavePeers
  }
  return async () => {
    parts.readiness.stopping()
    parts.toolSignIn?.requests.close()
    const callMs = parts.config.DRAIN_TIMEOUT
    await gracefulShutdown({ ...leaving, ownership, callMs, giveUp: () => parts.patience.abort() })
    parts.gauges.close()
    await parts.peers?.close()
    await parts.changes?.close()
    await parts.books.close()
    await parts.keyWatch.close()
    await parts.closeBase()
  }
}

/** The same, for several who ask. */
export function onlyOnce(close: () => Promise<void>): () => Promise<void> {
  let closed: Promise<void> | undefined
  return () => {
    closed ??= close()
    return closed
  }
}
