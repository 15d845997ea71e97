import type { FastifyInstance } from 'fastify'
import type { Clock } from '#shared/clock.ts'
import type { DataPlane } from '../mcp/data-plane.ts'
import type { Ownership } from '../ownership/ownership.ts'
import type { PortHandover } from '../ownership/port-handover.ts'
import type { ConnectionDrain } from './connection-drain.ts'

/**
 * While another gateway takes new connections, clients still call on those they have; each answer tells them
 * to open a new one. The workers that are here serve them for this long.
 */
const GRACE_MS = 1000
/** What has been admitted by then needs this long to reach its worker. */
const SETTLE_MS = 100
/** How long no connection must have been used before they are closed; what comes over one is passed on. */
const CALM_MS = 2000
/** Calls that were passed on and have no answer are told so while their connections are still open. */
const LAST_WORDS_MS = 500
/** Whoever still holds a connection open after this time is not waiting for an answer. */
const ANSWER_MS = 2000

export interface ShutdownParts {
  readonly clock: Clock
  /** How long the last calls may take. */
  readonly callMs: number
  /** Ends the wait for answers of the other gateway. */
  readonly giveUp: () => void
  readonly app: FastifyInstance
  readonly opsApp: FastifyInstance
  readonly doorway: ConnectionDrain
  readonly opsDoorway: ConnectionDrain
  /** Where other gateways come in; absent where none do. */
  readonly peerEntrance?:
    | { readonly app: FastifyInstance; readonly doorway: ConnectionDrain }
    | undefined
  readonly serving: DataPlane
  /** Waits for the calls that other gateways serve, so many ms at most; absent where there are none. */
  readonly leavePeers?: ((ms: number) => Promise<void>) | undefined
  readonly succession: PortHandover
  readonly ownership: Ownership
}

/**
 * Ends the serving in an order that no client notices. Where another gateway waits for the ports, it listens
 * before these are closed; users go over to it one by one, each when their worker here is gone.
 */
export async function gracefulShutdown(parts: ShutdownParts): Promise<void> {
  const { clock, doorway, opsDoorway, serving, succession, peerEntrance } = parts
  const hasSuccessor = await succession.leave()
  await doorway.stopAccepting()
  if (hasSuccessor) {
    await opsDoorway.stopAccepting()
    await peerEntrance?.doorway.stopAccepting()
    serving.stopStarting()
    await pause(clock, GRACE_MS)
    serving.stopServing()
    await pause(clock, SETTLE_MS)
  }
  await Promise.all([serving.close(), parts.leavePeers?.(parts.callMs)])
  parts.app.endOldTransports() // whoever has no session there
  const cancel = clock.after(Math.max(0, parts.callMs - LAST_WORDS_MS), parts.giveUp)
  await (hasSuccessor ? doorway.drain(CALM_MS, parts.callMs) : doorway.drain(0, ANSWER_MS))
  cancel()
  await peerEntrance?.doorway.drain(0, ANSWER_MS)
  await peerEntrance?.app.close()
  await parts.app.close()
  await parts.opsApp.close()
  await parts.ownership.close()
  await succession.close()
}

const pause = (clock: Clock, ms: number): Promise<void> =>
  new Promise((resolve) => void clock.after(ms, resolve))
