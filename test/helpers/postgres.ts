import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, globSync } from 'node:fs'
import { appendFile, chmod, chown, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { Client } from 'pg'
import type { Test } from 'tap'
import { freePort } from './free-port.ts'

/** PostgreSQL does not run as root; everybody has this one. */
const NOBODY = 65_534
const runsAsRoot = process.getuid?.() === 0
const as = runsAsRoot ? { uid: NOBODY, gid: NOBODY } : {}

const bin = globSync('/usr/lib/postgresql/*/bin/initdb').map(dirname).sort().at(-1)
const pgbouncer = ['/usr/sbin/pgbouncer', '/usr/bin/pgbouncer'].find((path) => existsSync(path))

/** Why there can be no PostgreSQL here; false when there can. */
export const withoutPostgres: string | false = bin === undefined && 'PostgreSQL is not installed'
/** The same of pgbouncer. */
export const withoutPgbouncer: string | false =
  withoutPostgres || (pgbouncer === undefined && 'pgbouncer is not installed')

/** A network namespace in which it runs, and its address there. Needs root. */
export interface PostgresPlace {
  readonly address: string
  readonly namespace: string
}

export interface PostgresServer {
  readonly address: string
  readonly port: number
  readonly directory: string
  /** The URL of a new, empty database. */
  newDatabase(): Promise<string>
  /** One statement of the superuser, in `database`. */
  ask(sql: string, database?: string): Promise<Record<string, unknown>[]>
  /** Ends it without a word to its clients, as when its machine dies. Resolves when it is gone. */
  kill(): Promise<void>
  /** After `kill`: on the same port, with the same data. */
  start(): Promise<void>
  close(): Promise<void>
}

export interface PostgresOptions {
  /** Settings of the server, as `name=value`. */
  readonly settings?: readonly string[]
  /** Follows this one. */
  readonly primary?: PostgresServer
  /** Elsewhere than among the other processes; reached from 10.0.0.0/8 then. */
  readonly at?: PostgresPlace
}

const run = promisify(execFile)
/** What is not to be kept need not reach the disk. */
const FAST = ['fsync=off', 'full_page_writes=off', 'max_connections=200']

/** A PostgreSQL of its own in a temporary directory, as an ordinary user. Ends with `t`. */
export async function startPostgres(
  t: Pick<Test, 'teardown'>,
  { settings = [], primary, at }: PostgresOptions = {}
): Promise<PostgresServer> {
  const directory = await mkdtemp(join(tmpdir(), 'pg-'))
  if (runsAsRoot) await chown(directory, NOBODY, NOBODY)
  const data = join(directory, 'data')
  const address = at?.address ?? '127.0.0.1'
  if (primary) await copyOf(primary, data)
  else {
    const how = ['-U', 'app', '-A', 'trust', '-E', 'UTF8', '--locale=C.UTF-8', '--no-sync']
    await run(join(bin ?? '', 'initdb'), ['-D', data, ...how], { ...as, cwd: directory })
    if (at) await appendFile(join(data, 'pg_hba.conf'), FROM_ELSEWHERE)
  }
  const port = at ? 5432 : await freePort()
  const url = (database: string) => `postgres://app@${address}:${port}/${database}`
  let server: ChildProcess | undefined
  let gone: Promise<unknown> = Promise.resolve()

  const ask = async (sql: string, database = 'postgres') => {
    const client = new Client(url(database))
    client.on('error', () => {})
    await client.connect()
    try {
      return (await client.query<Record<string, unknown>>(sql)).rows
    } finally {
      await client.end()
    }
  }
  const start = async () => {
    const places = [
      `listen_addresses=${address}`,
      `port=${port}`,
      `unix_socket_directories=${directory}`
    ]
    const options = [...FAST, ...places, ...settings].flatMap((setting) => ['-c', setting])
    const [command = '', ...args] = [
      ...entering(at),
      join(bin ?? '', 'postgres'),
      '-D',
      data,
      ...options
    ]
    server = spawn(command, args, {
      ...(at ? {} : as),
      cwd: directory,
      stdio: ['ignore', 'ignore', 'pipe']
    })
    let said = ''
    server.stderr?.on('data', (chunk: Buffer) => {
      said += chunk.toString('utf8')
    })
    gone = once(server, 'exit')
    const isGone = gone.then(() => {
      throw new Error(`PostgreSQL did not start:\n${said}`)
    })
    isGone.catch(() => {})
    const isReady = async () => {
      while ((await ask('select 1').catch(() => [])).length === 0)
        await new Promise((resolve) => setTimeout(resolve, 20))
    }
    await Promise.race([isReady(), isGone])
  }
  const end = async (signal: NodeJS.Signals) => {
    server?.kill(signal)
    await gone
  }
  const close = async () => {
    await end('SIGQUIT')
    await rm(directory, { recursive: true, force: true })
  }
  process.once('exit', () => server?.kill('SIGQUIT'))
  t.teardown(close)
  await start()
  return {
    address,
    port,
    directory,
    ask,
    async newDatabase() {
      const name = `t${randomBytes(6).toString('hex')}`
      await ask(`create database ${name}`)
      return url(name)
    },
    kill: () => end('SIGQUIT'),
    start,
    close
  }
}

const FROM_ELSEWHERE = `host all all 10.0.0.0/8 trust
host replication all 10.0.0.0/8 trust
`

/** What stands before a command that is to run there, as nobody; nsenter(1) becomes that command. */
const entering = (at: PostgresPlace | undefined): string[] =>
  at ? ['nsenter', `--net=${at.namespace}`, `--setuid=${NOBODY}`, `--setgid=${NOBODY}`, '--'] : []

async function copyOf(primary: PostgresServer, data: string): Promise<void> {
  const from = ['-h', primary.address, '-p', String(primary.port), '-U', 'app']
  await run(
    join(bin ?? '', 'pg_basebackup'),
    [...from, '-D', data, '-R', '-X', 'stream', '-c', 'fast'],
    {
      ...as,
      cwd: dirname(data)
    }
  )
}

export interface Pgbouncer {
  /** The same database through this pooler. */
  through(databaseUrl: string): string
  close(): Promise<void>
}

/** pgbouncer before `server`, in transaction mode. Ends with `t`. */
export async function startPgbouncer(
  t: Pick<Test, 'teardown'>,
  server: PostgresServer
): Promise<Pgbouncer> {
  const directory = await mkdtemp(join(tmpdir(), 'pgb-'))
  const port = await freePort()
  const config = join(directory, 'pgbouncer.ini')
  await writeFile(
    config,
    [
      '[databases]',
      `* = host=127.0.0.1 port=${server.port} user=app`,
      '[pgbouncer]',
      'listen_addr = 127.0.0.1',
      `listen_port = ${port}`,
      `unix_socket_dir = ${directory}`,
      'auth_type = any',
      'pool_mode = transaction',
      'default_pool_size = 4',
      'server_login_retry = 1' // by itself it lets a database that is back wait for 15 s
    ].join('\n')
  )
  await chmod(config, 0o644)
  if (runsAsRoot) await chown(directory, NOBODY, NOBODY)
  const bouncer = spawn(pgbouncer ?? '', ['-q', config], { ...as, cwd: directory, stdio: 'ignore' })
  const gone = once(bouncer, 'exit')
  const close = async () => {
    bouncer.kill('SIGTERM')
    await gone
    await rm(directory, { recursive: true, force: true })
  }
  process.once('exit', () => bouncer.kill('SIGKILL'))
  t.teardown(close)
  const url = `postgres://app@127.0.0.1:${port}/postgres`
  while (!(await answers(url))) await new Promise((resolve) => setTimeout(resolve, 20))
  return {
    through(databaseUrl) {
      const { pathname } = new URL(databaseUrl)
      return `postgres://app@127.0.0.1:${port}${pathname}`
    },
    close
  }
}

async function answers(url: string): Promise<boolean> {
  const client = new Client(url)
  client.on('error', () => {})
  try {
    await client.connect()
    await client.query('select 1')
    return true
  } catch {
    return false
  } finally {
    await client.end().catch(() => {})
  }
}
