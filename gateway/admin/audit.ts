import type { Selectable } from 'kysely'
import type { Clock } from '#shared/clock.ts'
import type { UserId } from '#shared/ids.ts'
import type { AuditRow } from '../store/schema.ts'
import type { Store } from '../store/store.ts'

export interface AuditEntry {
  /** A person is forgotten here as well when the account is erased: then it is `user`. */
  readonly actor: 'admin' | `operator:${string}` | `user:${UserId}`
  readonly action: string
  readonly target: string
  readonly reason: string | undefined
  readonly requestId: string | undefined
}

export interface AuditQuery {
  readonly limit: number
  readonly actor?: string | undefined
  readonly action?: string | undefined
  readonly target?: string | undefined
  /** Only rows that are older than the one of this id. */
  readonly before?: number | undefined
}

export interface Audit {
  /** Writes down who did what to whom, and why. */
  note(entry: AuditEntry): Promise<void>
  /** The latest first. */
  list(query: AuditQuery): Promise<Selectable<AuditRow>[]>
  /** Removes what is older than `keepMs`; answers how many rows went. */
  sweep(): Promise<number>
}

export interface AuditParts {
  readonly store: Store
  readonly clock: Clock
  readonly keepMs: number
}

export const createAudit = ({ store: { db }, clock, keepMs }: AuditParts): Audit => ({
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
  },
  list({ limit, actor, action, target, before }) {
    let query = db.selectFrom('audit').selectAll().orderBy('id', 'desc')
    if (actor !== undefined) query = query.where('actor', '=', actor)
    if (action !== undefined) query = query.where('action', '=', action)
    if (target !== undefined) query = query.where('target', '=', target)
    if (before !== undefined) query = query.where('id', '<', before)
    return query.limit(limit).execute()
  },
  async sweep() {
    const { numDeletedRows } = await db
      .deleteFrom('audit')
      .where('at', '<=', clock.now() - keepMs)
      .executeTakeFirstOrThrow()
    return Number(numDeletedRows)
  }
})
