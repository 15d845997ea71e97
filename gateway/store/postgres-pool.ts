import { Client, type ClientBase, type ClientConfig, Pool, type PoolClient, types } from 'pg'
import { GatewayError } from '#shared/errors.ts'
import type { PostgresAddress, PostgresHost } from './database-url.ts'

/** How long a connection may take to open, or a caller may wait for a free one. */
const CONNECT_MS = 2000
/** pg's `int8`: a string otherwise. Times and epochs of ours are below 2^53. */
const INT8 = 20
/** Earlier ones are given up by their makers, and have never met this program. */
const LEAST_VERSION = 130_000

export interface PostgresPoolOptions {
  readonly size: number
  /** Of one statement, seen from here: a network that swallows packets gives no other sign. */
  readonly queryMs: number
}

/** Connections to the one host of a database that may be written to. */
export class PostgresPool {
  readonly #pool: Pool
  readonly #hosts: readonly PostgresHost[]
  /** Connections whose last commit a standby may not have; see `wasUnsure`. */
  readonly #unsure = new WeakSet<object>()
  /** Where the primary was found last. */
  #at = 0

  constructor(address: PostgresAddress, { size, queryMs }: PostgresPoolOptions) {
    this.#hosts = address.hosts
    const whichHost = (): PostgresHost =>
      this.#hosts[this.#at] ?? { host: undefined, port: undefined }
    class ClientOfHost extends Client {
      constructor(config?: ClientConfig) {
        // The pool hides the password from whoever looks at its options, and so from this copy of them.
        super({ ...config, ...defined({ password: address.password, ...whichHost() }) })
      }
    }
    this.#pool = new Pool({
      ...defined({
        user: address.user,
        database: address.database,
        application_name: address.applicationName ?? 'gmail-mcp-gateway'
      }),
      ssl: address.ssl,
      max: size,
      connectionTimeoutMillis: CONNECT_MS,
      query_timeout: queryMs,
      keepAlive: true,
      types: {
        getTypeParser: (id: number, format?: 'text' | 'binary') =>
          id === INT8 ? Number : types.getTypeParser(id, format as 'text')
      },
      Client: ClientOfHost,
      onConnect: (client: ClientBase) => mayBeWrittenTo(client)
    })
    this.#pool.on('error', () => {}) // an idle connection has ended: the next caller gets another one
    // The pool does not listen to a connection in use, and its end would be the end of this process.
    this.#pool.on('connect', (client) => {
      client.on('error', () => {})
      client.on('notice', ({ code, message }) => {
        if (code === '01000' && message?.includes('synchronous replication') === true)
          this.#unsure.add(client)
      })
    })
  }

  /** A connection to whichever host may be written to. To be given back by its `release`. */
  async connect(): Promise<PoolClient> {
    const at = this.#at
    try {
      return await this.#pool.connect()
    } catch (error) {
      if (this.#at === at) this.#at = (at + 1) % this.#hosts.length
      throw error
    }
  }

  /**
   * Whether somebody ended this connection's wait for a standby: what it has just committed may be on one machine
   * only, and PostgreSQL calls that a success.
   */
  wasUnsure(client: PoolClient): boolean {
    return this.#unsure.delete(client)
  }

  /** May be called more than once. */
  async end(): Promise<void> {
    if (!this.#pool.ending) await this.#pool.end()
  }
}

async function mayBeWrittenTo(client: ClientBase): Promise<void> {
  const { rows } = await client.query<{ standby: boolean; version: number }>(
    `select pg_is_in_recovery() as standby, current_setting('server_version_num')::int as version`
  )
  const [{ standby = false, version = 0 } = {}] = rows
  if (version < LEAST_VERSION)
    throw new GatewayError(
      'ERR_CONFIG',
      `DATABASE_URL: PostgreSQL 13 or later is needed; this server is ${Math.floor(version / 10_000)}.`
    )
  if (standby) throw new StandbyOnly()
}

/** Says it as the server does when a standby is written to. */
class StandbyOnly extends Error {
  readonly code = '25006'
  constructor() {
    super('only a standby answers')
  }
}

/** pg looks at its own defaults only where nothing is said, and `undefined` says something. */
function defined<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(values).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> }
}
