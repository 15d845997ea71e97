import { linkSync, mkdirSync, rmSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { GatewayError } from '#shared/errors.ts'
import { asUserId } from '#shared/ids.ts'
import { loadKeyring } from '../../gateway/accounts/keyring.ts'
import { createVault } from '../../gateway/accounts/vault.ts'
import { copySqlite, inspectSqlite, type SqliteContents } from '../../gateway/store/sqlite-copy.ts'

/** A file that holds all that the gateway stores, and what was found when it was checked. */
export interface CheckedCopy {
  readonly path: string
  readonly bytes: number
  readonly contents: SqliteContents
  readonly keys: KeyCheck
}

/** Whether the Google grants of a copy can be opened; `unchecked` when there is no file of keys to try. */
export type KeyCheck =
  | { readonly state: 'unchecked' }
  | { readonly state: 'checked'; readonly opened: number; readonly lost: number }

/**
 * Copies the database `from` to `to`, a new file, or a directory that gets one named by the time `now` (ms), and
 * checks the copy from its first page to its last. Gateways may run meanwhile. Throws ERR_UNAVAILABLE or
 * ERR_CONFIG with a sentence; then there is no file.
 */
export async function backUp(
  from: string,
  to: string,
  secretsFile: string | undefined,
  now: number
): Promise<CheckedCopy> {
  const path = fileFor(to, now)
  const isThere = statSync(path, { throwIfNoEntry: false }) !== undefined
  if (isThere) throw new GatewayError('ERR_UNAVAILABLE', `${path} is there already.`)
  const unfinished = `${path}.${process.pid}.part`
  copySqlite(from, unfinished)
  try {
    const contents = inspectSqlite(unfinished)
    const keys = await checkKeys(contents, secretsFile)
    linkSync(unfinished, path) // unlike a rename, never over a file that came meanwhile
    return { path, bytes: statSync(path).size, contents, keys }
  } finally {
    rmSync(unfinished, { force: true })
  }
}

/** Tries to open every grant. Throws ERR_CONFIG when the file of keys itself cannot be used. */
export async function checkKeys(
  { grants }: Pick<SqliteContents, 'grants'>,
  secretsFile: string | undefined
): Promise<KeyCheck> {
  if (secretsFile === undefined) return { state: 'unchecked' }
  const vault = createVault(loadKeyring(secretsFile))
  let opened = 0
  for (const { userId, sealed } of grants)
    opened += await vault.open(asUserId(userId), 'google-refresh-token', sealed).then(
      () => 1,
      () => 0
    )
  return { state: 'checked', opened, lost: grants.length - opened }
}

/** Never over a file that is there: an older backup may be the last good one. */
function fileFor(to: string, now: number): string {
  const path = resolve(to)
  if (!to.endsWith('/') && !isDirectory(path)) return path
  mkdirSync(path, { recursive: true, mode: 0o700 })
  const time = new Date(now).toISOString().replaceAll(/[:.]/g, '-')
  return join(path, `gateway-${time}.sqlite`)
}

const isDirectory = (path: string): boolean =>
  statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
