/** Settings that stand in files of their own, as Swarm and Kubernetes mount them. */
import { readFileSync, statSync } from 'node:fs'
import * as z from 'zod'
import { GatewayError } from '#shared/errors.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** What nobody else may read. */
const SECRETS = ['ADMIN_TOKEN', 'METRICS_TOKEN', 'GOOGLE_CLIENT_SECRET', 'DATABASE_URL', 'PEER_KEY']
/** Settings that may stand in a file, whose name is then given as `<name>_FILE`. It is read again on reload. */
const IN_FILES = [
  ...SECRETS,
  'PEER_CERT',
  'PEER_CA',
  'ALLOWED_EMAILS',
  'ALLOWED_DOMAINS',
  'LOG_LEVEL'
]
const inFile = (name: string): string => `${name}_FILE`

/** The settings that name a file from which others are read. */
export const FILE_SETTINGS: readonly string[] = [...IN_FILES.map(inFile), 'GMAIL_OAUTH_PATH']

/** The settings that name a file with keys, tokens or passwords in it. */
export const SECRET_FILES: readonly string[] = [
  'SECRETS_FILE',
  ...SECRETS.map(inFile),
  'GMAIL_OAUTH_PATH'
]

export const DATABASE_URL_DEFAULT = 'sqlite:data/gateway.sqlite'

/** Where state lives, and its keys. */
export interface StoreSettings {
  /** May hold a password: not to be printed. */
  readonly DATABASE_URL: string
  readonly SECRETS_FILE: string | undefined
}

/**
 * What programs need that work on the database without a gateway, as the gateway would read it: DATABASE_URL or
 * DATABASE_URL_FILE, and SECRETS_FILE. Throws ERR_CONFIG for a file that cannot be read, or that everybody can.
 */
export function readStoreSettings(environment: Environment): StoreSettings {
  const mistakes: string[] = []
  const given = notEmpty(environment)
  readInto(given, 'DATABASE_URL', mistakes, () => {})
  if (mistakes.length > 0) throw new GatewayError('ERR_CONFIG', mistakes.join('\n'))
  const { DATABASE_URL = DATABASE_URL_DEFAULT, SECRETS_FILE } = given
  return { DATABASE_URL, SECRETS_FILE }
}

/**
 * The settings as they were given, with those that stand in files; empty ones count as not set. What is wrong with a
 * file is added to `mistakes`.
 */
export function withFiles(
  environment: Environment,
  mistakes: string[],
  warn: (sentence: string) => void
): Record<string, string> {
  const given = notEmpty(environment)
  // Most programs know these two in small letters as well.
  for (const name of ['HTTPS_PROXY', 'NO_PROXY']) {
    const small = given[name.toLowerCase()]
    if (small !== undefined) given[name] ??= small
  }
  for (const name of IN_FILES) readInto(given, name, mistakes, warn)
  if (given.GMAIL_OAUTH_PATH !== undefined)
    readGoogleClient(given, given.GMAIL_OAUTH_PATH, mistakes)
  return given
}

function notEmpty(environment: Environment): Record<string, string> {
  const given: Record<string, string> = {}
  for (const [name, value] of Object.entries(environment)) {
    if (value !== undefined && value !== '') given[name] = value
  }
  return given
}

function readInto(
  given: Record<string, string>,
  name: string,
  mistakes: string[],
  warn: (sentence: string) => void
): void {
  const setting = inFile(name)
  const path = given[setting]
  if (path === undefined) return
  const text = read(path, setting, mistakes)
  if (text === undefined) return
  given[name] = text.trim()
  if (SECRETS.includes(name)) checkMode(path, setting, mistakes, warn)
}

/** Swarm and Kubernetes mount secrets for a group; a file for everybody is no secret. */
function checkMode(
  path: string,
  setting: string,
  mistakes: string[],
  warn: (sentence: string) => void
): void {
  const { mode } = statSync(path)
  if ((mode & 0o027) !== 0)
    mistakes.push(`${setting} names a file that other users can open; run chmod 0400 on it.`)
  else if ((mode & 0o050) !== 0)
    warn(
      `${setting} names a file that its group can read; run chmod 0400 on it, or see to it that nobody else is in that group.`
    )
}

/** Google's downloaded client file, of either kind (`web` or `installed`). */
const GoogleClientFile = z
  .object({ client_id: z.string(), client_secret: z.string() })
  .or(z.object({ web: z.object({ client_id: z.string(), client_secret: z.string() }) }))
  .or(z.object({ installed: z.object({ client_id: z.string(), client_secret: z.string() }) }))
  .transform((file) => ('web' in file ? file.web : 'installed' in file ? file.installed : file))

function readGoogleClient(given: Record<string, string>, path: string, mistakes: string[]): void {
  const text = read(path, 'GMAIL_OAUTH_PATH', mistakes)
  if (text === undefined) return
  try {
    const client = GoogleClientFile.parse(JSON.parse(text))
    given.GOOGLE_CLIENT_ID ??= client.client_id
    given.GOOGLE_CLIENT_SECRET ??= client.client_secret
  } catch {
    mistakes.push(
      'GMAIL_OAUTH_PATH names a file that is not a Google OAuth client (JSON with client_id and client_secret).'
    )
  }
}

function read(path: string, setting: string, mistakes: string[]): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : error
    mistakes.push(`${setting} names a file that cannot be read (${String(code)}).`)
    return undefined
  }
}
