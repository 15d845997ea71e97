import type { RawBuilder, SqlBool } from 'kysely'

/** What the two engines say in words of their own. Everything else is one SQL for both. */
export interface SqlDialect {
  readonly engine: 'sqlite' | 'postgres'
  /** What `in` and `not in` compare with, for a list of any length: a parameter for each value has a limit. */
  listed(values: readonly string[]): RawBuilder<string>
  /** The same values as rows with one column `id`, each once. */
  rowsOf(values: readonly string[]): RawBuilder<unknown>
  /**
   * Ms since the epoch in the eyes of whoever compares them with others': of the database where several machines
   * share it, else of this one, which `ownNow` is. Evaluated when a row is looked at, after a wait for its lock.
   */
  now(ownNow: number): RawBuilder<number>
  /** No epoch is below it: it rises when a standby takes over, which may not know the last ones. */
  readonly leastEpoch: RawBuilder<number>
  /** Whether a column of text has this in it, in any case of the letters A to Z. */
  contains(column: string, words: string): RawBuilder<SqlBool>
  /** Ends a select of rows that must stay as they are until this transaction has ended. */
  readonly forShare: RawBuilder<unknown>
  /** Ends a select of rows to change: those that others keep locked are left out. Empty where one writes at a time. */
  readonly skipLocked: RawBuilder<unknown>
  /**
   * How long before a lease ends its holder lets it go, when it could not be renewed: another machine may not wait for
   * this one's word. 0 where all gateways are on one machine: there a process that is gone is seen to be gone.
   */
  readonly leaseMarginMs: number
  /** Text that is compared by its bytes, everywhere alike. */
  readonly text: RawBuilder<string>
}
