import type { Selectable } from 'kysely'
import type { Clock } from '#shared/clock.ts'
import type { UserId } from '#shared/ids.ts'
import type { AuditRow } from '../store/schema.ts'
import type { Store } from '../store/store.ts'

export interface AuditEntry {
  /** A person is forgotten here as well when the account is erased: then it is `user`. */
  readonly actor: 'admin' | 'unknown' | 'user' | `operator:${string}` | `user:${UserId}`
  readonly action: string
  readonly target: string
  readonly reason: string | undefined
  readonly requestId: string | undefined
}

/** An entry of something that has happened, in ms since the epoch. */
export type PastEntry = AuditEntry & { readonly at: number }

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
  /** Writes down what has happened already. */
  noteAll(entries: readonly PastEntry[]): Promise<void>
  /** The latest first. */
  list(query: AuditQuery): Promise<Selectable<AuditRow>[]>
  /** Removes what is older than `keepMs`, and the oldest above `keepRows`; answers how many rows went. */
  sweep(): Promise<number>
}

export interface AuditParts {
  readonly store: Store
  readonly clock: Clock
  readonly keepMs: number
  readonly keepRows: number
}

export const createAudit = ({ store: { db }, clock, keepMs, keepRows }: AuditParts): Audit => ({
  async note(entry) {
    await db
      .insertInto('audit')
      .values(rowOf({ ...entry, at: clock.now() }))
      .execute()
  },
  async noteAll(entries) {
    if (entries.length > 0) await db.insertInto('audit').values(entries.map(rowOf)).execute()
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
    // The ids of later rows are higher, and none is left out.
    const { last } = await db
      .selectFrom('audit')
      .select(({ fn }) => fn.max<number | null>('id').as('last'))
      .executeTakeFirstOrThrow()
    const { numDeletedRows } = await db
      .deleteFrom('audit')
      .where(({ or, eb }) =>
        or([eb('at', '<=', clock.now() - keepMs), eb('id', '<=', Number(last ?? 0) - keepRows)])
      )
      .executeTakeFirstOrThrow()
    return Number(numDeletedRows)
  }
})

const rowOf = ({ at, actor, action, target, reason, requestId }: PastEntry) => ({
  at,
  actor,
  action,
  target,
  reason: reason ?? null,
  request_id: requestId ?? null
})
