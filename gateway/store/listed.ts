import { type RawBuilder, sql } from 'kysely'

/** What `in` and `not in` compare with, for a list of any length: a parameter for each value has a limit. */
export const listed = (values: readonly string[]): RawBuilder<string> =>
  sql`(select value from json_each(${JSON.stringify(values)}))`
