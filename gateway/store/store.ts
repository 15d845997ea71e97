import { type Compilable, Kysely } from 'kysely'
import { Migrator } from 'kysely/migration'
import { GatewayError } from '#shared/errors.ts'
import { MIGRATIONS } from './migrations.ts'
import type { Schema } from './schema.ts'
import { sqliteDialect } from './sqlite.ts'

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
  /** May be called more than once. */
  close(): Promise<void>
}

/**
 * Opens the database and brings its tables up to date. `databaseUrl` is `sqlite:<path>` or
 * `sqlite::memory:`. Throws ERR_CONFIG when it cannot be used.
 */
export async function openStore(databaseUrl: string): Promise<Store> {
  const db = new Kysely<Schema>({ dialect: sqliteDialect(sqlitePath(databaseUrl)) })
  try {
    await bringUpToDate(db)
  } catch (cause) {
    await db.destroy()
    throw new GatewayError(
      'ERR_CONFIG',
      'DATABASE_URL: its tables could not be brought up to date; they may belong to a newer version or another program.',
      { cause }
    )
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
    close: () => db.destroy()
  }
}

async function bringUpToDate(db: Kysely<Schema>): Promise<void> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => MIGRATIONS } })
  const { error } = await migrator.migrateToLatest()
  if (error) throw error
}

function sqlitePath(databaseUrl: string): string {
  if (databaseUrl === ':memory:') return databaseUrl
  const [scheme = '', path = ''] = split(databaseUrl)
  if (scheme !== 'sqlite') {
    throw new GatewayError(
      'ERR_CONFIG',
      `DATABASE_URL: only sqlite:<path> is supported, not ${scheme ? `${scheme}:` : 'a bare path'}.`
    )
  }
  if (path === '') throw new GatewayError('ERR_CONFIG', 'DATABASE_URL: sqlite: needs a path.')
  return path
}

function split(databaseUrl: string): [string, string] {
  const colon = databaseUrl.indexOf(':')
  return colon < 0 ? ['', databaseUrl] : [databaseUrl.slice(0, colon), databaseUrl.slice(colon + 1)]
}
