import { setTimeout as pause } from 'node:timers/promises'
import type { CompiledQuery, DatabaseConnection, Driver, QueryResult } from 'kysely'
import type { QueryResult as PgResult, PoolClient } from 'pg'
import type { GatewayError } from '#shared/errors.ts'
import type { StoreEvents } from './engine.ts'
import type { PostgresPool } from './postgres-pool.ts'
import {
  isConnectionLost,
  isUnapplied,
  postgresError,
  postgresTrouble,
  postgresTroubleIn
} from './postgres-trouble.ts'
import { isStoreError, type StoreTrouble, storeError } from './store-trouble.ts'

/** How long a caller waits for a database that restarts or fails over. */
const PATIENCE_MS = 5000
/** How long one waits that knows what to do without an answer. */
const SOON_MS = 1000
const PAUSES_MS = [20, 50, 100, 200, 400]
/** Trouble that lasts for longer is told, although it is still being waited out. */
const TELL_MS = 500
/** While the database is known to be away, only one statement in this time tries it; the others fail at once. */
const PROBE_MS = 500

/**
 * `set local`, since a pooler in transaction mode refuses these as parameters of the connection, and a plain `set`
 * would stay on a connection that others get next. The second one is part of the fencing: a gateway that is held up
 * within a transaction keeps rows locked which another one needs.
 */
const BEGIN = `begin; set local statement_timeout = 4000; set local idle_in_transaction_session_timeout = 4000;
 select set_config('synchronous_commit', case when current_setting('synchronous_commit') in ('off', 'local') then 'on' else current_setting('synchronous_commit') end, true)`

export interface PostgresDriverParts {
  readonly pool: PostgresPool
  readonly events: StoreEvents
}

/**
 * Kysely's driver over a pool whose database may restart, fail over, or be away for a while. What has certainly not
 * been done is tried again within a budget; of a write whose answer was lost nobody knows, and its caller is told.
 */
export class PostgresDriver implements Driver {
  readonly #parts: PostgresDriverParts
  readonly #line: Line

  constructor(parts: PostgresDriverParts) {
    this.#parts = parts
    this.#line = new Line(parts)
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<PostgresConnection> {
    return new PostgresConnection(this.#line, this.#parts)
  }

  async beginTransaction(connection: PostgresConnection): Promise<void> {
    await connection.begin()
  }

  async commitTransaction(connection: PostgresConnection): Promise<void> {
    await connection.commit()
  }

  async rollbackTransaction(connection: PostgresConnection): Promise<void> {
    await connection.rollBack()
  }

  async releaseConnection(connection: PostgresConnection): Promise<void> {
    await connection.rollBack()
  }

  async destroy(): Promise<void> {
    await this.#parts.pool.end()
  }

  /** As `Engine.readSoon`. */
  async readSoon<Row>(query: CompiledQuery<Row>): Promise<QueryResult<Row>> {
    return this.#line.use(SOON_MS, true, (client) => run<Row>(client, query, SOON_MS))
  }
}

class PostgresConnection implements DatabaseConnection {
  readonly #line: Line
  readonly #parts: PostgresDriverParts
  /** Of the transaction that is open; `lost` when it ended with its connection, before its end. */
  #client: PoolClient | 'lost' | undefined

  constructor(line: Line, parts: PostgresDriverParts) {
    this.#line = line
    this.#parts = parts
  }

  async executeQuery<Row>(query: CompiledQuery): Promise<QueryResult<Row>> {
    if (this.#client) return this.#within((client) => run<Row>(client, query))
    const isRead = query.query.kind === 'SelectQueryNode'
    const result = await this.#line.use(PATIENCE_MS, isRead, (client) => run<Row>(client, query))
    if (!isRead) this.#parts.events.wrote()
    return result
  }

  /** No result of ours is large enough. */
  // biome-ignore lint/correctness/useYield: it must be a generator to be of Kysely's type
  async *streamQuery<Row>(): AsyncIterableIterator<QueryResult<Row>> {
    throw new Error('rows are not streamed')
  }

  async begin(): Promise<void> {
    // Nothing has been done yet, so it can be tried again like a read.
    this.#client = await this.#line.take(PATIENCE_MS, (client) => client.query(BEGIN))
  }

  async commit(): Promise<void> {
    const command = await this.#within(async (client) => {
      const result = await client.query('commit')
      if (this.#parts.pool.wasUnsure(client)) throw unsure()
      return result.command
    })
    this.#leave()
    // A statement before it had failed, and somebody went on.
    if (command === 'ROLLBACK') throw new Error('the transaction was taken back, not committed')
    this.#parts.events.wrote()
  }

  /** Does nothing outside of a transaction. Never rejects: a lost connection takes its transaction along. */
  async rollBack(): Promise<void> {
    const client = this.#client
    if (client === undefined || client === 'lost') {
      this.#client = undefined
      return
    }
    const isWhole = await client.query('rollback').then(
      () => true,
      () => false
    )
    this.#leave(!isWhole)
  }

  #leave(isBroken = false): void {
    if (this.#client !== 'lost') this.#client?.release(isBroken)
    this.#client = undefined
  }

  async #within<T>(statement: (client: PoolClient) => Promise<T>): Promise<T> {
    const client = this.#client
    if (client === undefined || client === 'lost')
      throw storeError(postgresTrouble('away'), new Error('the transaction is gone'))
    try {
      return await statement(client)
    } catch (error) {
      if (isConnectionLost(error) || isStoreError(error)) {
        client.release(true)
        this.#client = 'lost' // what comes after must not be done outside of the transaction
      }
      throw this.#line.tell(error)
    }
  }
}

/** The way to the database, and what is known of it. */
class Line {
  readonly #parts: PostgresDriverParts
  /** Since when nobody gets through, and why. */
  #down: { readonly since: number; readonly trouble: StoreTrouble } | undefined
  #triedAt = 0

  constructor(parts: PostgresDriverParts) {
    this.#parts = parts
  }

  /**
   * Does `work` on a connection, again on another one if the first is lost, for at most `patienceMs`. `isRepeatable`:
   * also when it may have been done already.
   */
  async use<T>(
    patienceMs: number,
    isRepeatable: boolean,
    work: (client: PoolClient) => Promise<T>
  ): Promise<T> {
    return this.#untilThrough(patienceMs, isRepeatable, async () => {
      const client = await this.#connect()
      const result = await this.#orDrop(client, work)
      client.release()
      return result
    })
  }

  /** A connection on which `work`, which changes nothing, has been done. Its taker gives it back. */
  async take(
    patienceMs: number,
    work: (client: PoolClient) => Promise<unknown>
  ): Promise<PoolClient> {
    return this.#untilThrough(patienceMs, true, async () => {
      const client = await this.#connect()
      await this.#orDrop(client, work)
      return client
    })
  }

  /** The error as others hear of it, once the store's health has heard of it. */
  tell(error: unknown): Error {
    const trouble = postgresTroubleIn(reasonOf(error))
    if (trouble) this.#parts.events.failed(trouble)
    return postgresError(reasonOf(error))
  }

  async #untilThrough<T>(
    patienceMs: number,
    isRepeatable: boolean,
    attempt: () => Promise<T>
  ): Promise<T> {
    this.#failFast(patienceMs)
    const end = performance.now() + patienceMs
    for (let tries = 0; ; tries += 1) {
      try {
        const result = await attempt()
        this.#down = undefined
        return result
      } catch (error) {
        const trouble = postgresTroubleIn(reasonOf(error))
        const mayRepeat = isRepeatable || error instanceof NotConnected || isUnapplied(error)
        if (isWaitedOut(trouble)) this.#noteDown(trouble)
        if (!mayRepeat || !isWaitedOut(trouble) || performance.now() > end) throw this.tell(error)
      }
      await pause(PAUSES_MS[tries] ?? PAUSES_MS.at(-1))
    }
  }

  async #connect(): Promise<PoolClient> {
    return this.#parts.pool.connect().catch((cause: unknown) => {
      throw new NotConnected(cause)
    })
  }

  /** A silent server would answer the connection's next statement with the answer to this one. */
  async #orDrop<T>(client: PoolClient, work: (client: PoolClient) => Promise<T>): Promise<T> {
    try {
      const result = await work(client)
      if (this.#parts.pool.wasUnsure(client)) throw unsure()
      return result
    } catch (error) {
      client.release(isConnectionLost(error) || isStoreError(error))
      throw error
    }
  }

  #noteDown(trouble: StoreTrouble): void {
    const now = performance.now()
    this.#triedAt = now
    this.#down = { since: this.#down?.since ?? now, trouble }
    if (now - this.#down.since > TELL_MS) this.#parts.events.found(trouble)
  }

  /** Who has no more patience than the database has been away for need not wait at all. */
  #failFast(patienceMs: number): void {
    if (!this.#down) return
    const now = performance.now()
    if (now - this.#down.since < patienceMs || now - this.#triedAt > PROBE_MS) return
    throw storeError(this.#down.trouble, undefined)
  }
}

/** No statement has been sent. */
class NotConnected extends Error {
  constructor(cause: unknown) {
    super('not connected', { cause })
  }
}

const reasonOf = (error: unknown): unknown => (error instanceof NotConnected ? error.cause : error)

/** What may pass by itself within seconds; of a refusal, that there are too many connections. */
const isWaitedOut = (trouble: StoreTrouble | undefined): trouble is StoreTrouble =>
  trouble !== undefined &&
  (trouble.kind === 'away' || trouble.kind === 'read_only' || trouble.code === '53300')

const unsure = (): GatewayError =>
  storeError(postgresTrouble('away'), new Error('a commit did not wait for its standby'))

async function run<Row>(
  client: PoolClient,
  { sql, parameters }: CompiledQuery,
  queryMs?: number
): Promise<QueryResult<Row>> {
  const result: PgResult = await client.query({
    text: sql,
    values: parameters.map(storable),
    ...(queryMs !== undefined && { query_timeout: queryMs })
  })
  const { command, rowCount, rows } = result
  const isChange = ['INSERT', 'UPDATE', 'DELETE', 'MERGE'].includes(command)
  return { rows, ...(isChange && { numAffectedRows: BigInt(rowCount ?? 0) }) }
}

/** PostgreSQL's text has no U+0000. */
const storable = (value: unknown): unknown =>
  typeof value === 'string' ? value.replaceAll('\0', '\ufffd') : value
