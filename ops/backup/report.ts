import { GatewayError } from '#shared/errors.ts'
import { readDatabaseUrl } from '../../gateway/store/database-url.ts'
import type { CheckedCopy } from './backup.ts'

/** The file that DATABASE_URL names. Throws ERR_CONFIG for a database that has tools of its own for this. */
export function databaseFile(databaseUrl: string): string {
  const database = readDatabaseUrl(databaseUrl)
  if (database.engine === 'postgres')
    throw new GatewayError(
      'ERR_CONFIG',
      'DATABASE_URL names PostgreSQL, which has pg_dump and pg_restore; this is for sqlite:.'
    )
  const { path } = database
  if (path === ':memory:')
    throw new GatewayError('ERR_CONFIG', 'DATABASE_URL names no file: there is nothing to copy.')
  return path
}

/** What is in a copy and what is not, for people. */
export function inWords({ path, bytes, contents, keys }: CheckedCopy): string {
  const { rows, lastWrittenAt, migrationsToCome } = contents
  const inIt = Object.entries(IN_IT).map(([table, what]) => `${rows[table] ?? 0} ${what}`)
  const lines = [
    `${path}: ${bytes} bytes, whole.`,
    `In it: ${inIt.join(', ')}.`,
    lastWrittenAt === null
      ? 'No gateway has run over it yet.'
      : `A gateway wrote to it last at ${new Date(lastWrittenAt).toISOString()}.`,
    'Not in it: the keys (SECRETS_FILE), without which no Google grant can be opened; Google’s client file; the operators’ tokens; the settings. Keep them apart from it.'
  ]
  if (migrationsToCome.length > 0)
    lines.push(`Its tables are of an older version: the next start brings them up to date.`)
  if (keys.state === 'unchecked')
    lines.push('SECRETS_FILE is not set: whether the keys belong to it was not checked.')
  else if (keys.lost === 0) lines.push(`SECRETS_FILE opens all ${keys.opened} Google grants.`)
  else
    lines.push(
      `ERR_VAULT: SECRETS_FILE opens ${keys.opened} Google grants; ${keys.lost} cannot be opened with it.`
    )
  return `${lines.join('\n')}\n`
}

const IN_IT = {
  users: 'people',
  google_grants: 'Google grants (sealed)',
  personal_tokens: 'personal tokens (hashes)',
  sends: 'mails sent in the last day (hashes)',
  sessions: 'sessions',
  oauth: 'rows of clients and their tokens',
  audit: 'rows of the audit'
}

/** The same for programs: nothing sealed in it. */
export function asJson({ path, bytes, contents, keys }: CheckedCopy): string {
  const { rows, lastWrittenAt, migrationsToCome } = contents
  return `${JSON.stringify({ path, bytes, rows, lastWrittenAt, migrationsToCome, keys })}\n`
}

/** sysexits.h: 78 for what an operator has to put right, 69 for what another time may do; says why on stderr. */
export function exitCodeOf(error: unknown): number {
  if (!(error instanceof GatewayError)) throw error
  process.stderr.write(`${error.message}\n`)
  return error.code === 'ERR_CONFIG' ? 78 : 69
}
