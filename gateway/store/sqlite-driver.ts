import { setTimeout as pause } from 'node:timers/promises'
import type {
  CompiledQuery,
  DatabaseConnection,
  Driver,
  QueryResult,
  SqliteDatabase,
  SqliteStatement
} from 'kysely'
import type { StoreEvents } from './engine.ts'
import { isBusy, storeError, troubleIn } from './store-trouble.ts'
import { WriteQueue } from './write-queue.ts'

/** A connection that answers at once, with SQLITE_BUSY where it would have to wait. */
export interface SqliteHandle extends SqliteDatabase {
  /** Whether a transaction is open on it. */
  isTransaction(): boolean
}

export interface SqliteDriverParts {
  /** For everything outside of transactions that only reads; may be `writer` itself. */
  readonly reader: SqliteHandle
  readonly writer: SqliteHandle
  readonly events: StoreEvents
}

/** Another gateway over the same file (a hand-over during an upgrade) may hold the write lock this long. */
const BUSY_MS = 5000
/**
 * How long to wait before a statement is tried again; the last one from then on. Real time, since the lock is
 * another process's; and it keeps this one alive while it starts.
 */
const PAUSES_MS = [1, 2, 5, 10, 25, 50, 100]

/**
 * Kysely's driver over two connections to one SQLite file. SQLite answers in this very thread, so nothing here
 * ever waits in SQLite: what meets another program's lock is tried again later, while others are served. Reads
 * do not wait for writes at all (write-ahead log).
 */
export class SqliteDriver implements Driver {
  readonly #parts: SqliteDriverParts
  readonly #turns = new WriteQueue()
  /** Used again: Kysely remembers each connection that it ever got, which makes new ones dear. */
  readonly #idle: SqliteConnection[] = []

  constructor(parts: SqliteDriverParts) {
    this.#parts = parts
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<SqliteConnection> {
    return this.#idle.pop() ?? new SqliteConnection(this.#parts, this.#turns)
  }

  async beginTransaction(connection: SqliteConnection): Promise<void> {
    await connection.begin()
  }

  async commitTransaction(connection: SqliteConnection): Promise<void> {
    await connection.commit()
  }

  async rollbackTransaction(connection: SqliteConnection): Promise<void> {
    connection.rollBack()
  }

  async releaseConnection(connection: SqliteConnection): Promise<void> {
    connection.rollBack()
    this.#idle.push(connection)
  }

  async destroy(): Promise<void> {
    this.#parts.reader.close()
    this.#parts.writer.close()
  }
}

class SqliteConnection implements DatabaseConnection {
  readonly #parts: SqliteDriverParts
  readonly #turns: WriteQueue
  /** Ends the turn of the transaction that is open. */
  #leave: (() => void) | undefined

  constructor(parts: SqliteDriverParts, turns: WriteQueue) {
    this.#parts = parts
    this.#turns = turns
  }

  async executeQuery<Row>(query: CompiledQuery): Promise<QueryResult<Row>> {
    const { reader, writer, events } = this.#parts
    if (this.#leave) return this.#try(() => run<Row>(writer, query), this.#deadline())
    const isRead = query.query.kind === 'SelectQueryNode'
    if (isRead && reader !== writer)
      return this.#try(() => run<Row>(reader, query), this.#deadline())
    const deadline = this.#deadline() // the wait for the turn counts
    const leave = await this.#turns.enter()
    try {
      const result = await this.#try(() => run<Row>(writer, query), deadline)
      if (!isRead) events.wrote()
      return result
    } finally {
      leave()
    }
  }

  /** No result of ours is large enough. */
  // biome-ignore lint/correctness/useYield: it must be a generator to be of Kysely's type
  async *streamQuery<Row>(): AsyncIterableIterator<QueryResult<Row>> {
    throw new Error('rows are not streamed')
  }

  /**
   * The lock is taken at once: a transaction that reads before it writes would fail in the middle, without a
   * wait, if somebody wrote meanwhile (SQLITE_BUSY_SNAPSHOT).
   */
  async begin(): Promise<void> {
    const deadline = this.#deadline()
    const leave = await this.#turns.enter()
    try {
      await this.#try(() => exec(this.#parts.writer, 'begin immediate'), deadline)
      this.#leave = leave
    } catch (error) {
      leave()
      throw error
    }
  }

  async commit(): Promise<void> {
    await this.#try(() => exec(this.#parts.writer, 'commit'), this.#deadline())
    this.#parts.events.wrote()
    this.#end()
  }

  /** Does nothing outside of a transaction; SQLite itself has ended one that met a full disk. */
  rollBack(): void {
    if (!this.#leave) return
    if (this.#parts.writer.isTransaction()) exec(this.#parts.writer, 'rollback')
    this.#end()
  }

  #end(): void {
    this.#leave?.()
    this.#leave = undefined
  }

  readonly #deadline = (): number => performance.now() + BUSY_MS

  async #try<T>(statement: () => T, deadline: number): Promise<T> {
    const since = performance.now()
    let waits = 0
    try {
      for (;;) {
        try {
          return statement()
        } catch (error) {
          this.#giveUpUnlessBusy(error, deadline)
        }
        await pause(PAUSES_MS[waits] ?? PAUSES_MS.at(-1))
        waits += 1
      }
    } finally {
      if (waits > 0) this.#parts.events.waited((performance.now() - since) / 1000)
    }
  }

  /** Returns where another try makes sense; throws what a caller should hear. */
  #giveUpUnlessBusy(error: unknown, deadline: number): void {
    const trouble = troubleIn(error)
    if (!trouble) throw error
    if (isBusy(error) && performance.now() < deadline) return
    this.#parts.events.failed(trouble)
    throw storeError(trouble, error)
  }
}

function run<Row>(database: SqliteHandle, { sql, parameters }: CompiledQuery): QueryResult<Row> {
  const statement: SqliteStatement = database.prepare(sql)
  if (statement.reader) return { rows: statement.all(parameters) as Row[] }
  const { changes, lastInsertRowid } = statement.run(parameters)
  return { insertId: BigInt(lastInsertRowid), numAffectedRows: BigInt(changes), rows: [] }
}

const exec = (database: SqliteHandle, sql: string): unknown => database.prepare(sql).run([])
