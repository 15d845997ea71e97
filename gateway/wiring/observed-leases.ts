import { GatewayError } from '#shared/errors.ts'
import type { UserId } from '#shared/ids.ts'
import type { Ownership } from '../ownership/ownership.ts'
import type { Events } from '../telemetry/events.ts'
import type { Metrics } from '../telemetry/metrics.ts'

export interface ObservedLeases extends Ownership {
  /** Another gateway has this user now. */
  lost(userId: UserId): void
}

/** The same leases, with a line and a number for each that is taken, given back, refused or lost. */
export function observedLeases(
  ownership: Ownership,
  { events, metrics: { leases } }: { readonly events: Events; readonly metrics: Metrics }
): ObservedLeases {
  const held = new Map<UserId, object>()
  const show = (): void => leases.held.set({}, held.size)
  const forget = (userId: UserId, lease: object): void => {
    if (held.get(userId) !== lease) return
    held.delete(userId)
    show()
    leases.operations.inc({ op: 'release', result: 'ok' })
    events.tell('lease_released', { userId })
  }
  return {
    async hold(userId, signal) {
      try {
        const lease = await ownership.hold(userId, signal)
        const { epoch } = lease
        const told = {
          epoch,
          release() {
            forget(userId, told)
            lease.release()
          }
        }
        held.set(userId, told)
        show()
        leases.operations.inc({ op: 'acquire', result: 'ok' })
        events.tell('lease_taken', { userId, epoch })
        return told
      } catch (error) {
        leases.operations.inc({ op: 'acquire', result: signal.aborted ? 'left' : resultOf(error) })
        throw error
      }
    },
    async verify(userId, db) {
      try {
        await ownership.verify(userId, db)
      } catch (error) {
        if (resultOf(error) === 'held') leases.fenced.inc({})
        throw error
      }
    },
    leftMs: (userId) => ownership.leftMs(userId),
    close: () => ownership.close(),
    lost(userId) {
      held.delete(userId)
      show()
      leases.lost.inc({})
      events.tell('lease_lost', { userId }, 'warn')
    }
  }
}

/** Somebody else has it, or the store could not say. */
const resultOf = (error: unknown): 'held' | 'failed' =>
  error instanceof GatewayError && ['ERR_LEASE_HELD', 'ERR_LEASE_LOST'].includes(error.code)
    ? 'held'
    : 'failed'
