/** The audit, page by page or as a whole. */
import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply } from 'fastify'
import type { Selectable } from 'kysely'
import type * as z from 'zod'
import type { AuditRow } from '../store/schema.ts'
import { iso } from './answers.ts'
import type { Audit, AuditQuery } from './audit.ts'
import { implement } from './implement.ts'
import { listAudit } from './verbs/gateway.ts'

const EXPORT_PAGE = 500
type Page = z.infer<typeof listAudit.answer>

export function auditRoutes(app: FastifyInstance, { audit }: { readonly audit: Audit }): void {
  implement(app, listAudit, ({ query, reply }) => auditPage(audit, query, reply))
}

async function auditPage(
  audit: Audit,
  { limit, cursor, format, ...filters }: z.infer<typeof listAudit.query>,
  reply: FastifyReply
): Promise<Page | FastifyReply> {
  if (format === 'ndjson') {
    const lines = Readable.from(everyEntry(audit, filters), { objectMode: false })
    return reply.type('application/x-ndjson').send(lines)
  }
  const rows = await audit.list({ ...filters, limit: limit + 1, before: cursor })
  const page = rows.slice(0, limit)
  return {
    entries: page.map(viewEntry),
    nextCursor: rows.length > limit ? String(page.at(-1)?.id) : undefined
  }
}

/** The whole audit as lines of JSON, page by page, the latest first. */
async function* everyEntry(
  audit: Audit,
  filters: Omit<AuditQuery, 'limit' | 'before'>
): AsyncGenerator<string> {
  for (let before: number | undefined; ; ) {
    const rows = await audit.list({ ...filters, limit: EXPORT_PAGE, before })
    for (const row of rows) yield `${JSON.stringify(viewEntry(row))}\n`
    before = rows.at(-1)?.id
    if (rows.length < EXPORT_PAGE) return
  }
}

const viewEntry = ({
  at,
  actor,
  action,
  target,
  reason,
  request_id
}: Selectable<AuditRow>): Page['entries'][number] => ({
  at: iso(at),
  actor,
  action,
  target,
  reason,
  requestId: request_id
})
