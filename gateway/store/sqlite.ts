import { chmodSync, closeSync, mkdirSync, openSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import {
  type Dialect,
  SqliteAdapter,
  type SqliteDatabase,
  SqliteDialect,
  type SqliteStatement
} from 'kysely'
import { GatewayError } from '#shared/errors.ts'

/** Another gateway over the same file (a hand-over during an upgrade) may hold the write lock this long. */
const BUSY_MS = 5000
/** Kysely compiles the same few dozen texts again and again; preparing costs more than running. */
const KEPT_STATEMENTS = 256

/**
 * Kysely's dialect over Node's own SQLite: write-ahead log, deleted content overwritten, the file
 * 0600 in a directory made 0700. `path` may be `:memory:`.
 */
export function sqliteDialect(path: string): Dialect {
  if (path !== ':memory:') prepareFile(path)
  return new TransactionalSqliteDialect({ database: adapt(open(path)) })
}

/** SQLite can change tables in a transaction; Kysely leaves that out for the sake of other drivers. */
class TransactionalSqliteAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true
  }
}

/** Migrates in one transaction: a crash, or another gateway's start, never meets half of the tables. */
class TransactionalSqliteDialect extends SqliteDialect {
  override createAdapter(): SqliteAdapter {
    return new TransactionalSqliteAdapter()
  }
}

/** The log and index files beside the database take its mode, so it must be right before the open. */
function prepareFile(path: string): void {
  try {
    const directory = dirname(path)
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    const { mode } = statSync(directory)
    const worldWritable = (mode & 0o002) !== 0 && (mode & 0o1000) === 0
    if (worldWritable) {
      throw new GatewayError(
        'ERR_CONFIG',
        'DATABASE_URL: anybody may write to its directory; make it 0700.'
      )
    }
    closeSync(openSync(path, 'a', 0o600))
    chmodSync(path, 0o600)
  } catch (cause) {
    if (cause instanceof GatewayError) throw cause
    throw new GatewayError('ERR_CONFIG', 'DATABASE_URL: the file cannot be written.', { cause })
  }
}

function open(path: string): DatabaseSync {
  try {
    const database = new DatabaseSync(path, {
      timeout: BUSY_MS,
      enableForeignKeyConstraints: true
    })
    database.exec(
      'PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA secure_delete = ON; PRAGMA trusted_schema = OFF'
    )
    return database
  } catch (cause) {
    throw new GatewayError('ERR_CONFIG', 'DATABASE_URL: the file is not a SQLite database.', {
      cause
    })
  }
}

function adapt(database: DatabaseSync): SqliteDatabase {
  const kept = new Map<string, SqliteStatement>()
  return {
    prepare(sql) {
      const known = kept.get(sql)
      if (known) return known
      // A transaction that reads before it writes must hold the lock from its start, or the write
      // fails at once (SQLITE_BUSY_SNAPSHOT) instead of waiting for the other gateway.
      const statement = adaptStatement(database.prepare(sql === 'begin' ? 'begin immediate' : sql))
      if (kept.size >= KEPT_STATEMENTS) kept.clear()
      kept.set(sql, statement)
      return statement
    },
    close() {
      kept.clear()
      if (database.isOpen) database.close()
    }
  }
}

function adaptStatement(statement: StatementSync): SqliteStatement {
  return {
    reader: statement.columns().length > 0,
    all: (parameters) => statement.all(...asInput(parameters)),
    run: (parameters) => statement.run(...asInput(parameters)),
    iterate: (parameters) => statement.iterate(...asInput(parameters))
  }
}

/** Kysely's parameters are `unknown`; the schema's column types admit text, numbers and null only. */
const asInput = (parameters: readonly unknown[]) => parameters as SQLInputValue[]
