import { type ConnectionOptions, parse, toClientConfig } from 'pg-connection-string'
import { GatewayError } from '#shared/errors.ts'

/** Where state lives, as DATABASE_URL says. */
export type Database = SqliteAddress | PostgresAddress

interface SqliteAddress {
  readonly engine: 'sqlite'
  /** Or `:memory:`. */
  readonly path: string
}

/** One database, on whichever of its hosts may be written to. Holds a password: never to be logged. */
export interface PostgresAddress {
  readonly engine: 'postgres'
  readonly hosts: readonly PostgresHost[]
  readonly user: string | undefined
  /** Undefined: pg looks into PGPASSWORD, then into the file that PGPASSFILE names. */
  readonly password: string | undefined
  readonly database: string | undefined
  readonly applicationName: string | undefined
  readonly ssl: Tls | false
}

export interface PostgresHost {
  /** A name, an address, or the directory of a Unix socket. Undefined for pg's own default. */
  readonly host: string | undefined
  readonly port: number | undefined
}

/** Where it is, for people: without a password. */
export function spokenOf(database: Database): string {
  if (database.engine === 'sqlite') return `sqlite:${database.path}`
  const hosts = database.hosts.map(({ host = '', port }) => (port ? `${host}:${port}` : host))
  return `postgres://${hosts.join(',')}/${database.database ?? ''}`
}

type Tls = NonNullable<Exclude<ReturnType<typeof toClientConfig>['ssl'], boolean>>

/** What is wrong with DATABASE_URL. The URL itself, in which a password may stand, is not repeated. */
const wrong = (sentence: string): GatewayError =>
  new GatewayError('ERR_CONFIG', `DATABASE_URL: ${sentence}`)

/**
 * `sqlite:<path>`, or `postgres://user@host:port/database?sslmode=…`, with several hosts separated by commas (as libpq
 * has it) where one of them may be written to. Throws ERR_CONFIG with a sentence; reads the certificates that the
 * URL names.
 */
export function readDatabaseUrl(databaseUrl: string): Database {
  if (databaseUrl === ':memory:') return { engine: 'sqlite', path: databaseUrl }
  const colon = databaseUrl.indexOf(':')
  const scheme = databaseUrl.slice(0, Math.max(0, colon))
  if (scheme === 'postgres' || scheme === 'postgresql') return readPostgres(databaseUrl)
  if (scheme !== 'sqlite') {
    const found = scheme ? `${scheme}:` : 'a bare path'
    throw wrong(`only sqlite:<path> and postgres://… are supported, not ${found}.`)
  }
  const path = databaseUrl.slice(colon + 1)
  if (path === '') throw wrong('sqlite: needs a path.')
  return { engine: 'sqlite', path }
}

/** Scheme, who (up to the last @ before the path), hosts, the rest. */
const FORM = /^(postgres(?:ql)?:\/\/)((?:[^/?#]*@)?)([^@/?#]*)([^#]*)$/

function readPostgres(databaseUrl: string): PostgresAddress {
  const [, scheme = '', who = '', hosts = '', rest = ''] = FORM.exec(databaseUrl) ?? []
  if (scheme === '') throw wrong('it must look like postgres://user@host:5432/database.')
  const found = hosts.split(',').map((host) => {
    const options = parsed(`${scheme}${who}${host}${rest}`)
    return { options, at: { host: options.host || undefined, port: portOf(options.port) } }
  })
  const [first] = found
  if (!first) throw wrong('it names no host.')
  const { options } = first
  const ssl = tlsOf(
    options,
    found.map(({ at }) => at)
  )
  return {
    engine: 'postgres',
    hosts: found.map(({ at }) => at),
    user: options.user || undefined,
    password: options.password || undefined,
    database: options.database || undefined,
    applicationName: options.application_name,
    ssl
  }
}

/** What pg does with any other is nothing, in silence. */
const READ = [
  'application_name',
  'host',
  'port',
  'sslcert',
  'sslkey',
  'sslmode',
  'sslrootcert',
  'target_session_attrs'
]
const SSL_MODES = ['disable', 'require', 'verify-ca', 'verify-full']

function parsed(url: string): ConnectionOptions {
  for (const name of new URLSearchParams(/\?(.*)$/.exec(url)?.[1] ?? '').keys())
    if (!READ.includes(name))
      throw wrong(`nobody reads its parameter ${name}; there are ${READ.join(', ')}.`)
  const mode = new URLSearchParams(/\?(.*)$/.exec(url)?.[1] ?? '').get('sslmode')
  if (mode !== null && !SSL_MODES.includes(mode))
    throw wrong(
      `sslmode must be one of ${SSL_MODES.join(', ')}; others may fall back to plain text.`
    )
  try {
    return parse(url, { useLibpqCompat: true })
  } catch (error) {
    throw wrong(whyNotParsed(error))
  }
}

/** The error itself may quote the URL. */
function whyNotParsed(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  if (code === 'ENOENT' || code === 'EACCES')
    return `sslrootcert, sslcert or sslkey names a file that cannot be read (${code}).`
  if (error instanceof Error && error.message.includes('verify-ca'))
    return 'sslmode=verify-ca needs sslrootcert, the certificate of your own authority.'
  return 'it is no URL; write %40, %3A, %2F and so on for signs in its password.'
}

function portOf(port: string | null | undefined): number | undefined {
  if (!port) return undefined
  const number = Number(port)
  if (!Number.isInteger(number) || number < 1 || number > 65_535) throw wrong('its port is none.')
  return number
}

/** Off within one machine; anywhere else the server must prove who it is, unless the URL says otherwise. */
function tlsOf(options: ConnectionOptions, hosts: readonly PostgresHost[]): Tls | false {
  const { target_session_attrs: wanted } = options
  const { ssl } = toClientConfig(options)
  if (wanted !== undefined && wanted !== 'read-write')
    throw wrong('target_session_attrs can only be read-write, which is always looked for.')
  if (typeof ssl === 'object') return ssl
  if (options.sslmode === 'disable' || hosts.every(({ host }) => isLocal(host))) return false
  return {}
}

const isLocal = (host: string | undefined): boolean =>
  host === undefined ||
  host.startsWith('/') ||
  host === 'localhost' ||
  host === '::1' ||
  /^127(\.\d{1,3}){3}$/.test(host)
