import { type Kysely, sql } from 'kysely'
import { GatewayError } from '#shared/errors.ts'
import type { Schema } from './schema.ts'

/**
 * What a move leaves in a database, as a table: `into`, from its first row to its last check; `away`, in the one that it
 * was copied from, once that is done. No gateway may run over either.
 */
export type MoveMark = 'into' | 'away'

const TABLES: Readonly<Record<MoveMark, string>> = { into: 'store_move', away: 'store_moved' }

const SENTENCES: Readonly<Record<MoveMark, string>> = {
  into: 'it is being filled from another database, or that was interrupted: run `npm run migrate-store` to its end.',
  away: 'all that is in it was moved to another database: name that one. To go back to this one, run `npm run migrate-store -- --back sqlite:<path>`.'
}

/** Throws ERR_CONFIG for a database that a move has to do with. */
export async function refuseMoved(db: Kysely<Schema>): Promise<void> {
  for (const mark of ['into', 'away'] as const)
    if (await isMarked(db, mark))
      throw new GatewayError('ERR_CONFIG', `DATABASE_URL: ${SENTENCES[mark]}`)
}

export async function isMarked(db: Kysely<Schema>, mark: MoveMark): Promise<boolean> {
  const tables = await db.introspection.getTables()
  return tables.some(({ name }) => name === TABLES[mark])
}

/** The sentence for a mark among the names of a database's tables; undefined when there is none. */
export const movedSentence = (tables: readonly string[]): string | undefined =>
  (['into', 'away'] as const).flatMap((mark) =>
    tables.includes(TABLES[mark]) ? SENTENCES[mark] : []
  )[0]

/** May be said twice. */
export async function putMark(db: Kysely<Schema>, mark: MoveMark): Promise<void> {
  await sql`create table if not exists ${sql.table(TABLES[mark])} (begun_at bigint not null)`.execute(
    db
  )
}

/** May be said twice. */
export async function takeMark(db: Kysely<Schema>, mark: MoveMark): Promise<void> {
  await sql`drop table if exists ${sql.table(TABLES[mark])}`.execute(db)
}
