import { accessSync, constants, existsSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { loadKeyring } from '../../gateway/accounts/keyring.ts'
import {
  type Database,
  type PostgresAddress,
  readDatabaseUrl
} from '../../gateway/store/database-url.ts'
import { lookIntoPostgres } from '../../gateway/store/postgres-probe.ts'
import { inspectSqlite, type SqliteContents } from '../../gateway/store/sqlite-copy.ts'
import { freeBytesFor, tryToWrite } from '../../gateway/store/sqlite-probe.ts'
import { troubleOf } from '../../gateway/store/store-trouble.ts'
import { checkKeys } from '../backup/backup.ts'
import { type Finding, fail, ok, sentenceOf, skip, warn } from './finding.ts'

/** With less the next busy day may fill the disk. */
const LOW_BYTES = 200 * 2 ** 20
const FULL_BYTES = 64 * 1024

export interface StoreSettings {
  readonly DATABASE_URL: string
  readonly SECRETS_FILE: string
}

/** The database, the room for it, and whether the file of keys opens what is in it. Changes nothing. */
export async function lookAtStore({
  DATABASE_URL,
  SECRETS_FILE
}: StoreSettings): Promise<Finding[]> {
  const database = read(DATABASE_URL)
  if (typeof database === 'string') return [fail('store', database), keysAlone(SECRETS_FILE)]
  if (database.engine === 'postgres') return lookAtPostgres(database, SECRETS_FILE)
  try {
    const path = resolve(database.path)
    if (!existsSync(path)) return [lookAtPlace(path), keysAlone(SECRETS_FILE)]
    const trouble = troubleWith(path)
    if (trouble) return [fail('store', trouble), await lookAtKeysOf(path, SECRETS_FILE)]
    const contents = inspectSqlite(path)
    if (contents.moved !== undefined)
      return [
        fail('store', `DATABASE_URL: ${contents.moved}`),
        await lookAtKeys(contents, SECRETS_FILE)
      ]
    return [...lookAtFile(path, contents), await lookAtKeys(contents, SECRETS_FILE)]
  } catch (error) {
    return [fail('store', `DATABASE_URL: ${sentenceOf(error)}`), keysAlone(SECRETS_FILE)]
  }
}

async function lookAtPostgres(address: PostgresAddress, secretsFile: string): Promise<Finding[]> {
  try {
    const { trouble, hasTables, people, grants } = await lookIntoPostgres(address)
    if (trouble !== undefined) return [fail('store', trouble), keysAlone(secretsFile)]
    if (!hasTables)
      return [
        ok('store', 'The database has no tables of the gateway yet; the first start makes them.'),
        keysAlone(secretsFile)
      ]
    const said = `The database answers and can be written: ${people} people.`
    return [ok('store', said), await lookAtKeys({ grants }, secretsFile)]
  } catch (error) {
    return [fail('store', `DATABASE_URL: ${sentenceOf(error)}`), keysAlone(secretsFile)]
  }
}

/** Where it is, or why that is not clear. */
function read(databaseUrl: string): Database | string {
  try {
    return readDatabaseUrl(databaseUrl)
  } catch (error) {
    return sentenceOf(error)
  }
}

/** Before the first start. */
function lookAtPlace(path: string): Finding {
  let place = dirname(path)
  while (!existsSync(place)) place = dirname(place)
  try {
    accessSync(place, constants.W_OK | constants.X_OK)
    return ok('store', 'There is no database yet; the first start makes it.')
  } catch (error) {
    return fail(
      'store',
      `There is no database yet, and none can be made (${sentenceOf(error)}). Make its directory writable for the user of the gateway.`
    )
  }
}

/** Why it cannot be written, in a sentence. SQLite needs files beside it for that. */
function troubleWith(path: string): string | undefined {
  try {
    accessSync(path, constants.R_OK | constants.W_OK)
    accessSync(dirname(path), constants.W_OK | constants.X_OK)
  } catch {
    return troubleOf('read_only').sentence
  }
  return tryToWrite(path)?.sentence
}

/** The grants can be read, perhaps, where nothing can be written. */
async function lookAtKeysOf(path: string, secretsFile: string): Promise<Finding> {
  try {
    return await lookAtKeys(inspectSqlite(path), secretsFile)
  } catch {
    return skip('keys', 'Whether SECRETS_FILE opens what is stored could not be looked at.')
  }
}

function lookAtFile(path: string, contents: SqliteContents): Finding[] {
  const findings: Finding[] = []
  const free = freeBytesFor(path)
  if (free < FULL_BYTES)
    findings.push(fail('store', 'The disk of the database is full: free some space.'))
  else if (free < LOW_BYTES)
    findings.push(
      warn(
        'store',
        `The disk of the database has ${Math.floor(free / 2 ** 20)} MiB left: free some space.`
      )
    )
  const owner = statSync(path).uid
  const me = process.getuid?.()
  if (me !== undefined && owner !== me)
    findings.push(
      warn(
        'store',
        `The database belongs to user ${owner}, and this is user ${me}: run this as the user of the gateway to see what it sees.`
      )
    )
  if (contents.migrationsToCome.length > 0)
    findings.push(
      ok('store', 'The database is of an older version; the next start brings it up to date.')
    )
  return findings.length > 0 ? findings : [ok('store', wholeWith(contents))]
}

const wholeWith = ({ rows }: SqliteContents): string =>
  `The database is whole and can be written: ${rows.users ?? 0} people, ${rows.sessions ?? 0} sessions.`

async function lookAtKeys(
  contents: Pick<SqliteContents, 'grants'>,
  secretsFile: string
): Promise<Finding> {
  try {
    const keys = await checkKeys(contents, secretsFile)
    if (keys.state === 'unchecked') return skip('keys', 'SECRETS_FILE is not set.')
    const all = keys.opened + keys.lost
    if (keys.lost === 0) return ok('keys', `SECRETS_FILE opens all ${all} stored Google grants.`)
    return fail(
      'keys',
      keys.opened === 0
        ? `SECRETS_FILE is not the file that the database was sealed with: none of ${all} Google grants can be opened. Put the right one in its place.`
        : `SECRETS_FILE is an older copy: ${keys.lost} of ${all} Google grants cannot be opened with it. Put the newest one in its place.`
    )
  } catch (error) {
    return fail('keys', sentenceOf(error))
  }
}

/** When there is nothing to open. */
function keysAlone(secretsFile: string): Finding {
  try {
    loadKeyring(secretsFile)
    return ok('keys', 'SECRETS_FILE is right; there is nothing yet that it has to open.')
  } catch (error) {
    return fail('keys', sentenceOf(error))
  }
}
