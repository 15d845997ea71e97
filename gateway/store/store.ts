import { type Compilable, Kysely, sql, type Transaction } from 'kysely'
import { Migrator } from 'kysely/migration'
import { GatewayError } from '#shared/errors.ts'
import { type Database, readDatabaseUrl } from './database-url.ts'
import type { SqlDialect } from './dialect.ts'
import type { Engine, StoreEvents } from './engine.ts'
import { migrationsFor } from './migrations.ts'
import { refuseMoved } from './move-marks.ts'
import { openPostgres } from './postgres.ts'
import type { Schema } from './schema.ts'
import { openSqlite } from './sqlite.ts'
import { StoreHealth, type StoreNews } from './store-health.ts'
import { type StoreTrouble, unusable } from './store-trouble.ts'

type Ask<Row> = (...parameters: readonly (string | number)[]) => Promise<Row[]>

/** `soon` fails within a second while the database is away, where the other one waits for longer. */
export type Prepared<Row> = Ask<Row> & { readonly soon: Ask<Row> }

/** How long a caller waits who knows what to do without an answer. */
export type Patience = 'soon' | undefined

/** Everything that outlives the process, in one SQL database. */
export interface Store {
  readonly db: Kysely<Schema>
  /** What is said in the engine's own words. */
  readonly terms: SqlDialect
  /**
   * Does `work` in a transaction. It is done again from its beginning when it met another one, so it must change
   * nothing but rows.
   */
  transaction<T>(work: (transaction: Transaction<Schema>) => Promise<T>): Promise<T>
  /**
   * A query that is compiled once, for what runs on every request. Its own parameters only hold the places of
   * those that it is called with, in the same order.
   */
  prepared<Row>(query: Compilable<Row>): Prepared<Row>
  /**
   * Calls `heard` when another program notifies this channel, where the database can tell and a pooler does not swallow it;
   * and now and then for nothing. `heard` must not throw. The returned function ends it.
   */
  listen(channel: string, heard: () => void): () => Promise<void>
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

export interface StoreOptions {
  /** Connections to a PostgreSQL database, at most. */
  readonly poolSize?: number
  /** Also one that a move is going on into, or has led away from. */
  readonly evenMoved?: boolean
}

const POOL_SIZE = 10
/** Of a transaction that meets others again and again. */
const MOST_TRIES = 5

/**
 * Opens the database and brings its tables up to date. `databaseUrl` is as `readDatabaseUrl` has it. Throws ERR_CONFIG
 * when it cannot be used, and ERR_UNAVAILABLE when it cannot now; `news` hears how it does from then on.
 */
export async function openStore(
  databaseUrl: string,
  news: StoreNews = {},
  { poolSize = POOL_SIZE, evenMoved = false }: StoreOptions = {}
): Promise<Store> {
  const health = new StoreHealth(news)
  const engine = open(readDatabaseUrl(databaseUrl), poolSize, health)
  const { terms, readSoon } = engine
  const db = new Kysely<Schema>({ dialect: engine.dialect })
  try {
    await engine.migrating(db, async (one) => {
      if (!evenMoved) await refuseMoved(one)
      await bringUpToDate(one, terms)
    })
  } catch (cause) {
    await db.destroy()
    throw notUpToDate(cause, health.trouble, engine.whyNotOpened(cause, health.trouble))
  }
  let checking: Promise<StoreTrouble | undefined> | undefined
  const check = async (): Promise<StoreTrouble | undefined> => {
    const found = engine.look()
    if (found) health.found(found)
    else if (await canWrite(db)) health.well()
    return health.trouble
  }
  return {
    db,
    terms,
    async transaction(work) {
      for (let tries = 1; ; tries += 1) {
        try {
          return await db.transaction().execute(work)
        } catch (error) {
          if (tries >= MOST_TRIES || !engine.isWorthAnotherTry(error)) throw error
        }
      }
    },
    prepared<Row>(query: Compilable<Row>): Prepared<Row> {
      const compiled = query.compile()
      const ask: Ask<Row> = async (...parameters) =>
        (await db.executeQuery<Row>({ ...compiled, parameters })).rows
      const soon: Ask<Row> = async (...parameters) =>
        readSoon ? (await readSoon<Row>({ ...compiled, parameters })).rows : ask(...parameters)
      return Object.assign(ask, { soon })
    },
    listen: engine.listen,
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

function open(database: Database, poolSize: number, events: StoreEvents): Engine {
  return database.engine === 'sqlite'
    ? openSqlite(database.path, events)
    : openPostgres(database, poolSize, events)
}

function notUpToDate(
  cause: unknown,
  trouble: StoreTrouble | undefined,
  sentence: string | undefined
): GatewayError {
  if (cause instanceof GatewayError && cause.code === 'ERR_CONFIG') return cause
  const why =
    sentence ??
    'its tables could not be brought up to date; they may belong to a newer version or another program.'
  if (sentence === undefined && trouble) return unusable(trouble, cause)
  return new GatewayError('ERR_CONFIG', `DATABASE_URL: ${why}`, { cause })
}

async function bringUpToDate(db: Kysely<Schema>, terms: SqlDialect): Promise<void> {
  const migrations = migrationsFor(terms)
  const unknown = (await migrationsDone(db)).filter((name) => !(name in migrations))
  if (unknown.length > 0) {
    throw new GatewayError(
      'ERR_CONFIG',
      `DATABASE_URL: its tables belong to a newer version of this program, or to another one: ${unknown.join(', ')} is not known here.`
    )
  }
  const migrator = new Migrator({ db, provider: { getMigrations: async () => migrations } })
  const { error } = await migrator.migrateToLatest()
  if (error) throw error
}

async function migrationsDone(db: Kysely<Schema>): Promise<string[]> {
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true })
  if (!tables.some(({ name }) => name === 'kysely_migration')) return []
  const { rows } = await sql<{ name: string }>`select name from kysely_migration`.execute(db)
  return rows.map(({ name }) => name)
}
