import { Kysely, sql } from 'kysely'
import type { PostgresAddress } from './database-url.ts'
import { movedSentence } from './move-marks.ts'
import { openPostgres } from './postgres.ts'
import type { Schema } from './schema.ts'
import { StoreHealth } from './store-health.ts'

/** What a look into a PostgreSQL database has found. */
export interface PostgresLook {
  /** Why it cannot be used now, in a sentence; undefined when it can. */
  readonly trouble?: string | undefined
  /** Whether a gateway has made its tables there. */
  readonly hasTables: boolean
  readonly people: number
  /** Every sealed Google grant. */
  readonly grants: readonly { readonly userId: string; readonly sealed: string }[]
}

/** Connects, reads, and changes nothing; no table is made. Never rejects for what is the database's own trouble. */
export async function lookIntoPostgres(address: PostgresAddress): Promise<PostgresLook> {
  const health = new StoreHealth({})
  const db = new Kysely<Schema>({ dialect: openPostgres(address, 1, health).dialect })
  try {
    return await look(db)
  } catch (error) {
    if (!health.trouble) throw error
    return { trouble: health.trouble.sentence, hasTables: false, people: 0, grants: [] }
  } finally {
    await db.destroy()
  }
}

async function look(db: Kysely<Schema>): Promise<PostgresLook> {
  const { rows } = await sql<{ tables: string | null; grants: string | null }>`
    select to_regclass('users')::text as tables, to_regclass('google_grants')::text as grants
  `.execute(db)
  if (!rows[0]?.tables || !rows[0].grants) return { hasTables: false, people: 0, grants: [] }
  const people = await db
    .selectFrom('users')
    .select(({ fn }) => fn.countAll<number>().as('n'))
    .executeTakeFirstOrThrow()
  const grants = await db.selectFrom('google_grants').select(['user_id', 'sealed']).execute()
  return {
    trouble: (await movedFrom(db)) ?? (await readOnly(db)),
    hasTables: true,
    people: Number(people.n),
    grants: grants.map(({ user_id, sealed }) => ({ userId: user_id, sealed }))
  }
}

async function movedFrom(db: Kysely<Schema>): Promise<string | undefined> {
  const found = await db.introspection.getTables()
  const sentence = movedSentence(found.map(({ name }) => name))
  return sentence && `DATABASE_URL: ${sentence}`
}

/** A standby answers reads. */
async function readOnly(db: Kysely<Schema>): Promise<string | undefined> {
  const { rows } = await sql<{ standby: boolean; ro: string }>`
    select pg_is_in_recovery() as standby, current_setting('transaction_read_only') as ro
  `.execute(db)
  if (!rows[0]?.standby && rows[0]?.ro !== 'on') return undefined
  return 'The database may only be read: it is a standby, or was made read-only. Promote it, or name the primary in DATABASE_URL.'
}
