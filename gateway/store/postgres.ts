import {
  type DatabaseIntrospector,
  type Dialect,
  type Driver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type QueryCompiler,
  sql
} from 'kysely'
import type { PostgresAddress } from './database-url.ts'
import type { SqlDialect } from './dialect.ts'
import type { Engine, StoreEvents } from './engine.ts'
import { PostgresDriver } from './postgres-driver.ts'
import { listenTo } from './postgres-listener.ts'
import { PostgresPool } from './postgres-pool.ts'
import { isConflict, sentenceOfStart } from './postgres-trouble.ts'
import type { Schema } from './schema.ts'

/** Of one statement. What takes longer has lost its connection, or would have kept its caller waiting for too long. */
const QUERY_MS = 4000
/** For the migrations of another gateway, which come first, and then for ours. */
const MIGRATIONS_MS = 300_000
/** Any number that no other program takes for an advisory lock of its own. */
const MIGRATION_LOCK = 7_402_518_365_001
/** From the last moment at which a worker may serve to the first at which another machine may start one. */
const LEASE_MARGIN_MS = 4000

/** PostgreSQL 13 or later through `pg`, direct or behind a pooler in transaction mode. Connects when it is asked. */
export function openPostgres(address: PostgresAddress, size: number, events: StoreEvents): Engine {
  const pool = new PostgresPool(address, { size, queryMs: QUERY_MS })
  const driver = new PostgresDriver({ pool, events })
  return {
    dialect: new DialectOf(driver),
    terms: TERMS,
    look: () => undefined,
    async migrating(_db, work) {
      const own = new PostgresPool(address, { size: 1, queryMs: MIGRATIONS_MS })
      const db = new Kysely<Schema>({
        dialect: new DialectOf(new PostgresDriver({ pool: own, events }))
      })
      try {
        await db.transaction().execute(async (transaction) => {
          // Of the transaction, since a pooler parts a session from its lock; before the migrator makes its tables.
          await sql`select set_config('statement_timeout', '0', true), set_config('idle_in_transaction_session_timeout', '0', true)`.execute(
            transaction
          )
          await sql`select pg_advisory_xact_lock(${MIGRATION_LOCK}::bigint)`.execute(transaction)
          await work(transaction)
        })
      } finally {
        await db.destroy()
      }
    },
    whyNotOpened: (error, trouble) =>
      sentenceOfStart(error instanceof Error ? (error.cause ?? error) : error, trouble),
    isWorthAnotherTry: isConflict,
    listen: (channel, heard) => listenTo(address, channel, heard),
    readSoon: (query) => driver.readSoon(query)
  }
}

const TERMS: SqlDialect = {
  engine: 'postgres',
  listed: (values) => sql`(select unnest(${values}::text[]))`,
  rowsOf: (values) => sql`(select distinct unnest(${values}::text[]) as id)`,
  // Not now(), which is the time at which the transaction began: a wait for a row's lock comes after that.
  now: () => sql`(extract(epoch from clock_timestamp()) * 1000)::bigint`,
  // A standby that takes over without the last rows of its primary has another timeline, and the higher one.
  leastEpoch: sql`(('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::bigint << 32)`,
  contains: (column, words) => sql`strpos(lower(${sql.ref(column)}), ${words.toLowerCase()}) > 0`,
  forShare: sql`for share`,
  skipLocked: sql`for no key update skip locked`,
  leaseMarginMs: LEASE_MARGIN_MS,
  text: sql`text collate "C"`
}

/** Its own lock would be a session's, which a pooler in transaction mode gives to somebody else. */
class Adapter extends PostgresAdapter {
  override async acquireMigrationLock(): Promise<void> {}
  override async releaseMigrationLock(): Promise<void> {}
}

class DialectOf implements Dialect {
  readonly #driver: Driver

  constructor(driver: Driver) {
    this.#driver = driver
  }

  createDriver(): Driver {
    return this.#driver
  }

  createQueryCompiler(): QueryCompiler {
    return new PostgresQueryCompiler()
  }

  createAdapter(): PostgresAdapter {
    return new Adapter()
  }

  createIntrospector(db: Kysely<unknown>): DatabaseIntrospector {
    return new PostgresIntrospector(db)
  }
}
