import { existsSync, linkSync, mkdirSync, rmSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { GatewayError } from '#shared/errors.ts'
import { copySqlite, disownSqlite, inspectSqlite } from '../../gateway/store/sqlite-copy.ts'
import { type CheckedCopy, checkKeys } from './backup.ts'
import { giveTo } from './give-to.ts'
import { realPathOf, whoHasOpen } from './who-has-open.ts'

/**
 * Puts the backup `from` where the gateway's database `to` is to be. Throws ERR_CONFIG when something is there already, a program has
 * it open, the backup is damaged or newer than this program, or its grants cannot be opened with the file of keys and
 * `withoutKeys` does not allow for that; nothing was changed then.
 */
export async function restore(
  from: string,
  to: string,
  secretsFile: string | undefined,
  { withoutKeys = false } = {}
): Promise<CheckedCopy> {
  const path = realPathOf(to)
  refuseIfInUse(path)
  if (!existsSync(from)) throw refusal('There is no such backup.')
  const contents = inspectSqlite(from)
  const keys = await checkKeys(contents, secretsFile)
  if (keys.state === 'checked' && keys.lost > 0 && !withoutKeys)
    throw refusal(
      `${keys.lost} of ${contents.grants.length} Google grants cannot be opened with SECRETS_FILE. Give the file of keys that belongs to this backup, or --without-keys: then these people sign in again.`
    )
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  const unfinished = `${path}.${process.pid}.part`
  copySqlite(resolve(from), unfinished)
  try {
    disownSqlite(unfinished)
    giveTo(unfinished, dirname(path))
    linkSync(unfinished, path) // unlike a rename, never over a file that came meanwhile
  } catch (cause) {
    const isThere = cause instanceof Error && 'code' in cause && cause.code === 'EEXIST'
    throw isThere ? occupied() : cause
  } finally {
    rmSync(unfinished, { force: true })
  }
  return { path, bytes: statSync(path).size, contents, keys }
}

function refuseIfInUse(path: string): void {
  const [program] = whoHasOpen(path)
  if (program !== undefined)
    throw refusal(
      `A running program (pid ${program}) has the database of DATABASE_URL open. Stop the gateway first.`
    )
  for (const part of ['', '-wal', '-shm', '-journal'])
    if (existsSync(`${path}${part}`)) throw occupied()
}

const occupied = (): GatewayError =>
  refusal(
    'There is a database at DATABASE_URL already, or what one has left. Stop the gateway and move it away, with its -wal and -shm files.'
  )

const refusal = (sentence: string): GatewayError => new GatewayError('ERR_CONFIG', sentence)
