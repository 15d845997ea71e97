import { closeSync, fsyncSync, openSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { GatewayError } from '#shared/errors.ts'
import { migrationsFor } from './migrations.ts'
import { movedSentence } from './move-marks.ts'
import { SQLITE_DIALECT } from './sqlite-dialect.ts'
import { troubleIn } from './store-trouble.ts'

/** What a file of the gateway holds. */
export interface SqliteContents {
  /** Rows of each table. */
  readonly rows: Readonly<Record<string, number>>
  /** Changes of the tables that this program has and the file has not; the next start makes them. */
  readonly migrationsToCome: readonly string[]
  /** Why no gateway starts over it although it is whole: a move to another database; undefined as a rule. */
  readonly moved: string | undefined
  /** Milliseconds since the epoch: the last time that a gateway tried whether it could write; null for never. */
  readonly lastWrittenAt: number | null
  /** Every sealed Google grant. */
  readonly grants: readonly { readonly userId: string; readonly sealed: string }[]
}

/**
 * Writes all of a database, with what still lies in its log, into one new file (0600) that is on the disk when
 * this returns. Gateways may run meanwhile, and neither wait nor are waited for: it is the state of one moment.
 * Throws ERR_UNAVAILABLE with a sentence; nothing is left at `to` then.
 */
export function copySqlite(from: string, to: string): void {
  try {
    closeSync(openSync(to, 'wx', 0o600)) // an empty file is taken as it is, with its mode
  } catch (cause) {
    throw cannot('The copy cannot be written', cause)
  }
  try {
    reading(from, (database) => database.prepare('VACUUM INTO ?').run(to))
    sync(to) // SQLite leaves that to the caller (https://www.sqlite.org/lang_vacuum.html)
  } catch (cause) {
    rmSync(to, { force: true })
    throw cannot('The copy was not made', cause)
  }
}

/**
 * Reads every page of a file. Throws ERR_CONFIG for what is damaged, no database of the gateway, or of a newer
 * version than this one.
 */
export function inspectSqlite(path: string): SqliteContents {
  try {
    return reading(path, contentsOf)
  } catch (cause) {
    if (cause instanceof GatewayError) throw cause
    throw cannot('The file cannot be read', cause)
  }
}

/** Makes a copy that of no gateway: none of those that ran over the original runs over it. */
export function disownSqlite(path: string): void {
  const database = new DatabaseSync(path)
  try {
    database.exec('BEGIN; DELETE FROM nodes; UPDATE owners SET expires_at = 0; COMMIT')
  } finally {
    database.close()
  }
  sync(path)
}

function reading<T>(path: string, read: (database: DatabaseSync) => T): T {
  const database = new DatabaseSync(path, { readOnly: true, timeout: 5000 })
  try {
    database.exec('PRAGMA trusted_schema = OFF')
    return read(database)
  } finally {
    database.close()
  }
}

function contentsOf(database: DatabaseSync): SqliteContents {
  const found = database.prepare('PRAGMA integrity_check').all()
  if (found.length !== 1 || found[0]?.integrity_check !== 'ok')
    throw unfit('It is damaged; take an older backup.')
  if (database.prepare('PRAGMA foreign_key_check').all().length > 0)
    throw unfit('It is damaged: rows refer to others that are not there. Take an older backup.')
  const made = migrationsOf(database)
  const known = Object.keys(migrationsFor(SQLITE_DIALECT))
  const unknown = made.filter((name) => !known.includes(name))
  if (unknown.length > 0)
    throw unfit(`It is of a newer version of the gateway (${unknown.join(', ')}); use that one.`)
  const grants = database.prepare('SELECT user_id, sealed FROM google_grants').all()
  const checked = tables(database).includes('store_check')
    ? database.prepare('SELECT max(at) AS at FROM store_check').get()
    : undefined
  return {
    rows: Object.fromEntries(tables(database).map((name) => [name, count(database, name)])),
    moved: movedSentence(tables(database)),
    migrationsToCome: known.filter((name) => !made.includes(name)),
    lastWrittenAt: typeof checked?.at === 'number' ? checked.at : null,
    grants: grants.map(({ user_id, sealed }) => ({
      userId: String(user_id),
      sealed: String(sealed)
    }))
  }
}

function migrationsOf(database: DatabaseSync): string[] {
  if (!tables(database).includes('kysely_migration'))
    throw unfit('It is not a database of this gateway.')
  const rows = database.prepare('SELECT name FROM kysely_migration ORDER BY name').all()
  return rows.map(({ name }) => String(name))
}

const tables = (database: DatabaseSync): string[] =>
  database
    .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    .all()
    .map(({ name }) => String(name))

/** `table` is a name out of the file, so it is quoted. */
const count = (database: DatabaseSync, table: string): number =>
  Number(database.prepare(`SELECT count(*) AS n FROM "${table.replaceAll('"', '""')}"`).get()?.n)

/** The file, and that it is there. */
function sync(path: string): void {
  for (const one of [path, dirname(path)]) {
    const file = openSync(one, 'r')
    fsyncSync(file)
    closeSync(file)
  }
}

const unfit = (sentence: string): GatewayError => new GatewayError('ERR_CONFIG', sentence)

const NO_DATABASE = 26 // SQLITE_NOTADB

function cannot(what: string, cause: unknown): GatewayError {
  const trouble = troubleIn(cause)
  if (trouble?.code === NO_DATABASE) return unfit('It is not a SQLite database.')
  if (trouble?.kind === 'corrupt') return unfit('It is damaged; take an older backup.')
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause)
  const why = trouble ? WORDS[trouble.kind] : CODES[code]
  return new GatewayError('ERR_UNAVAILABLE', `${what}: ${why ?? code}.`, { cause })
}

const WORDS: Partial<Record<string, string>> = {
  full: 'the disk is full',
  locked: 'another program holds a lock of the database',
  read_only: 'its place is read-only',
  failing: 'the disk cannot be read or written'
}
const CODES: Partial<Record<string, string>> = {
  EEXIST: 'there is a file of this name already',
  ENOENT: 'its directory is not there',
  EACCES: 'this user may not write there',
  EROFS: 'its place is read-only',
  ENOSPC: 'the disk is full'
}
