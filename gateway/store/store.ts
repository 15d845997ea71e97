import { type Compilable, Kysely } from 'kysely'
import { Migrator } from 'kysely/migration'
import { GatewayError } from '#shared/errors.ts'
import { sqlitePath } from './database-url.ts'
import { MIGRATIONS } from './migrations.ts'
import type { Schema } from './schema.ts'
import { openSqlite } from './sqlite.ts'
import { StoreHealth, type StoreNews } from './store-health.ts'
import { type StoreTrouble, unusable } from './store-trouble.ts'

/** Everything that outlives the process, in one SQL database. */
export interface Store {
  readonly db: Kysely<Schema>
  /**
   * A query that is compiled once, for what runs on every request. Its own parameters only hold the places of
   * those that it is called with, in the same order.
   */
  prepared<Row>(
    query: Compilable<Row>
  ): (...parameters: readonly (string | number)[]) => Promise<Row[]>
  /**
   * Tries whether the store is whole and can be written; undefined when it is. Callers that come together share
   * one try. Takes as long as a write may wait. Never rejects.
   */
  check(): Promise<StoreTrouble | undefined>
  /** What is wrong as far as is known now. */
  trouble(): StoreTrouble | undefined
  /** May be called more than once. */
  close(): Promise<void>
}

/**
 * Opens the database and brings its tables up to date. `databaseUrl` is `sqlite:<path>` or
 * `sqlite::memory:`. Throws ERR_CONFIG when it cannot be used, and ERR_UNAVAILABLE when it cannot now; `news`
 * hears how it does from then on.
 */
export async function openStore(databaseUrl: string, news: StoreNews = {}): Promise<Store> {
  const health = new StoreHealth(news)
  const file = openSqlite(sqlitePath(databaseUrl), health)
  const db = new Kysely<Schema>({ dialect: file.dialect })
  try {
    await bringUpToDate(db)
  } catch (cause) {
    await db.destroy()
    throw notUpToDate(cause, health.trouble)
  }
  let checking: Promise<StoreTrouble | undefined> | undefined
  const check = async (): Promise<StoreTrouble | undefined> => {
    const found = file.lookAtFile()
    if (found) health.found(found)
    else if (await canWrite(db)) health.well()
    return health.trouble
  }
  return {
    db,
    prepared<Row>(query: Compilable<Row>) {
      const compiled = query.compile()
      return async (...parameters) => {
        const { rows } = await db.executeQuery<Row>({ ...compiled, parameters })
        return rows
      }
    },
    check() {
      checking ??= check().finally(() => {
        checking = undefined
      })
      return checking
    },
    trouble: () => health.trouble,
    close: () => db.destroy()
  }
}

/** A write that comes to nothing would not meet a full disk, so this one changes a row. */
async function canWrite(db: Kysely<Schema>): Promise<boolean> {
  const row = { id: 1, at: Date.now() }
  try {
    await db
      .insertInto('store_check')
      .values(row)
      .onConflict((conflict) => conflict.column('id').doUpdateSet({ at: row.at }))
      .execute()
    return true
  } catch {
    return false // the store's health has heard of it
  }
}

function notUpToDate(cause: unknown, trouble: StoreTrouble | undefined): GatewayError {
  if (trouble) return unusable(trouble, cause)
  return new GatewayError(
    'ERR_CONFIG',
    'DATABASE_URL: its tables could not be brought up to date; they may belong to a newer version or another program.',
    { cause }
  )
}

async function bringUpToDate(db: Kysely<Schema>): Promise<void> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => MIGRATIONS } })
  const { error } = await migrator.migrateToLatest()
  if (error) throw error
}
