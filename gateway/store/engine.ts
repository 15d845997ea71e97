import type { CompiledQuery, Dialect, Kysely, QueryResult } from 'kysely'
import type { SqlDialect } from './dialect.ts'
import type { Schema } from './schema.ts'
import type { StoreTrouble } from './store-trouble.ts'

/** Hears how the database does. Must not throw. */
export interface StoreEvents {
  /** A statement has worked that shows the store to be well. */
  wrote(): void
  /** A statement failed for a reason that is the store's. */
  failed(trouble: StoreTrouble): void
  /** Trouble that is being waited out: no statement has failed by it yet. */
  found(trouble: StoreTrouble): void
  /** A statement waited for another program's lock, however that ended. */
  waited(seconds: number): void
}

/** A database that is open: what Kysely needs of it, and what Kysely does not know. */
export interface Engine {
  readonly dialect: Dialect
  readonly terms: SqlDialect
  /** Trouble that shows without asking the database anything. */
  look(): StoreTrouble | undefined
  /** Runs `work` in a transaction that no other program's migration runs beside. */
  migrating(db: Kysely<Schema>, work: (db: Kysely<Schema>) => Promise<void>): Promise<void>
  /** The sentence for an error that a start met, where the engine has one; `trouble` is what was heard last. */
  whyNotOpened(error: unknown, trouble: StoreTrouble | undefined): string | undefined
  /** Whether to run the work of a transaction once more: nothing of it is stored, and it met another one. */
  isWorthAnotherTry(error: unknown): boolean
  /** As `Store.listen`. */
  listen(channel: string, heard: () => void): () => Promise<void>
  /** A read that fails soon rather than wait, for a caller who knows what to do then; absent where none waits long. */
  readonly readSoon: (<Row>(query: CompiledQuery<Row>) => Promise<QueryResult<Row>>) | undefined
}
