import { sql } from 'kysely'
import type { SqlDialect } from './dialect.ts'

/** SQLite's words. */
export const SQLITE_DIALECT: SqlDialect = {
  engine: 'sqlite',
  listed: (values) => sql`(select value from json_each(${JSON.stringify(values)}))`,
  rowsOf: (values) => sql`(select distinct value as id from json_each(${JSON.stringify(values)}))`,
  now: (ownNow) => sql`${ownNow}`, // those who share a file share a clock
  leastEpoch: sql`0`,
  contains: (column, words) => sql`instr(lower(${sql.ref(column)}), ${words.toLowerCase()}) > 0`,
  forShare: sql``,
  skipLocked: sql``,
  leaseMarginMs: 0,
  text: sql`text`
}
