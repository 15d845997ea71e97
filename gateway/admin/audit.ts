import type { Clock } from '#shared/clock.ts'
import type { UserId } from '#shared/ids.ts'
import type { Store } from '../store/store.ts'

export interface AuditEntry {
  /** A person is forgotten here as well when the account is erased: then it is `user`. */
  readonly actor: 'admin' | `user:${UserId}`
  readonly action: string
  readonly target: string
  readonly reason: string | undefined
  readonly requestId: string | undefined
}

export interface Audit {
  /** Writes down who did what to whom, and why. */
  note(entry: AuditEntry): Promise<void>
}

export const createAudit = ({ db }: Store, clock: Clock): Audit => ({
  async note({ actor, action, target, reason, requestId }) {
    await db
      .insertInto('audit')
      .values({
        at: clock.now(),
        actor,
        action,
        target,
        reason: reason ?? null,
        request_id: requestId ?? null
      })
      .execute()
  }
})
