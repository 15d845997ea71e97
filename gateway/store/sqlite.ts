import {
  chmodSync,
  closeSync,
  mkdirSync,
  openSync,
  type Stats,
  statfsSync,
  statSync
} from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import {
  type DatabaseIntrospector,
  type Dialect,
  type Driver,
  type Kysely,
  type QueryCompiler,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  type SqliteStatement
} from 'kysely'
import { GatewayError } from '#shared/errors.ts'
import type { Engine, StoreEvents } from './engine.ts'
import { SQLITE_DIALECT } from './sqlite-dialect.ts'
import { SqliteDriver, type SqliteHandle } from './sqlite-driver.ts'
import { type StoreTrouble, troubleIn, troubleOf, unusable } from './store-trouble.ts'

/** Kysely compiles the same few dozen texts again and again; preparing costs more than running. */
const KEPT_STATEMENTS = 256
/** Another gateway may be opening the same new file. Nobody is served yet, so this thread may wait. */
const OPEN_MS = 5000
/** With less than this on the disk, the next write or the one after it fails. */
const LEAST_FREE_BYTES = 64 * 1024

/**
 * SQLite through Node's own binding: write-ahead log, deleted content overwritten, the file
 * 0600 in a directory made 0700. `path` may be `:memory:`. Throws ERR_CONFIG for a file that is not to be used,
 * ERR_UNAVAILABLE for what an operator or time may change.
 */
export function openSqlite(path: string, events: StoreEvents): Engine {
  const inMemory = path === ':memory:'
  if (!inMemory) prepareFile(path)
  const writer = open(path)
  const reader = inMemory ? writer : openReader(path)
  const driver = new SqliteDriver({ writer, reader, events })
  const opened = inMemory ? undefined : statSync(path)
  return {
    dialect: new DialectOf(driver),
    terms: SQLITE_DIALECT,
    look: () => (opened ? lookAt(path, opened) : undefined),
    // One connection writes at a time, and Kysely's migrator does so in one transaction.
    migrating: (db, work) => work(db),
    whyNotOpened: () => undefined,
    isWorthAnotherTry: () => false, // one transaction at a time meets no other
    listen: () => async () => {}, // whoever opens the file next finds what is in it
    readSoon: undefined
  }
}

/** SQLite can change tables in a transaction; Kysely leaves that out for the sake of other drivers. */
class Adapter extends SqliteAdapter {
  /** Migrates in one transaction: a crash, or another gateway's start, never meets half of the tables. */
  override get supportsTransactionalDdl(): boolean {
    return true
  }

  /** The driver itself sees to it that one writes at a time. */
  override get supportsMultipleConnections(): boolean {
    return true
  }
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
    return new SqliteQueryCompiler()
  }

  createAdapter(): SqliteAdapter {
    return new Adapter()
  }

  createIntrospector(db: Kysely<unknown>): DatabaseIntrospector {
    return new SqliteIntrospector(db)
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
    const isFull = cause instanceof Error && 'code' in cause && cause.code === 'ENOSPC'
    if (isFull) throw unusable(troubleOf('full'), cause)
    throw new GatewayError('ERR_CONFIG', 'DATABASE_URL: the file cannot be written.', { cause })
  }
}

function open(path: string): SqliteHandle {
  let database: DatabaseSync | undefined
  try {
    database = new DatabaseSync(path, { timeout: OPEN_MS, enableForeignKeyConstraints: true })
    database.exec(
      'PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA secure_delete = ON; PRAGMA trusted_schema = OFF'
    )
    database.exec('PRAGMA busy_timeout = 0') // from here on the driver waits, so that this thread need not
    return adapt(database)
  } catch (cause) {
    if (database?.isOpen) database.close()
    throw unusable(whyNot(path, cause), cause)
  }
}

function openReader(path: string): SqliteHandle {
  const database = new DatabaseSync(path, { timeout: 0 })
  database.exec('PRAGMA query_only = ON; PRAGMA trusted_schema = OFF')
  return adapt(database)
}

/** SQLite says only that it cannot read or write; the disk says why. */
function whyNot(path: string, cause: unknown): StoreTrouble {
  const trouble = troubleIn(cause) ?? troubleOf('failing')
  if (trouble.kind !== 'failing' || freeBytes(path) >= LEAST_FREE_BYTES) return trouble
  return troubleOf('full', trouble.code)
}

function lookAt(path: string, opened: Stats): StoreTrouble | undefined {
  try {
    const now = statSync(path)
    if (now.ino !== opened.ino || now.dev !== opened.dev) return troubleOf('deleted')
    return freeBytes(path) < LEAST_FREE_BYTES ? troubleOf('full') : undefined
  } catch (error) {
    const isGone = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    return troubleOf(isGone ? 'deleted' : 'failing')
  }
}

function freeBytes(path: string): number {
  const { bavail, bsize } = statfsSync(dirname(path))
  return bavail * bsize
}

function adapt(database: DatabaseSync): SqliteHandle {
  const kept = new Map<string, SqliteStatement>()
  return {
    prepare(sql) {
      const known = kept.get(sql)
      if (known) return known
      const statement = adaptStatement(database.prepare(sql))
      if (kept.size >= KEPT_STATEMENTS) kept.clear()
      kept.set(sql, statement)
      return statement
    },
    isTransaction: () => database.isOpen && database.isTransaction,
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
