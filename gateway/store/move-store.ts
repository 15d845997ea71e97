import { createHash } from 'node:crypto'
import { type Kysely, sql } from 'kysely'
import { GatewayError } from '#shared/errors.ts'
import { isMarked, putMark, takeMark } from './move-marks.ts'
import type { Schema } from './schema.ts'
import type { Store } from './store.ts'

/** How many rows of a table there are in the new place, and how many of them came with this run. */
export interface MovedTable {
  readonly name: string
  readonly rows: number
  readonly copied: number
}

interface Table {
  readonly name: string
  /** The columns of its primary key. */
  readonly key: readonly string[]
}

type Row = Readonly<Record<string, unknown>>

/** What is kept; each after those that it refers to. Leases and gateways are of the old place, and stay there. */
const TABLES: readonly Table[] = [
  { name: 'users', key: ['id'] },
  { name: 'google_grants', key: ['user_id'] },
  { name: 'personal_tokens', key: ['hash'] },
  { name: 'oauth', key: ['model', 'id'] },
  { name: 'sessions', key: ['hash'] },
  { name: 'audit', key: ['id'] },
  { name: 'key_check', key: ['id'] },
  { name: 'sends', key: ['user_id', 'key'] },
  { name: 'account_choices', key: ['user_id'] },
  { name: 'mailbox_links', key: ['user_id', 'mailbox_id'] }
]
const BATCH = 500

/**
 * Copies all that is kept from a store that nobody writes to into an empty one, and compares every row. Goes on where
 * an interrupted run has stopped. Until it is done, no gateway starts over `to`, and afterwards none over `from`. Throws
 * ERR_CONFIG when `to` is in use, and ERR_UNAVAILABLE when what is there differs from what is here.
 */
export async function moveStore(from: Store, to: Store): Promise<readonly MovedTable[]> {
  await begin(to.db)
  const moved: MovedTable[] = []
  for (const table of TABLES) {
    const copied = await copy(table, from.db, to.db)
    const [here, there] = [await digest(table, from.db), await digest(table, to.db)]
    if (here.hash !== there.hash) throw differs(table, here.rows, there.rows)
    moved.push({ name: table.name, rows: there.rows, copied })
  }
  await keepNumbers(from.db, to.db)
  await putMark(from.db, 'away') // first: an end in between leaves both refused, and is made good by another run
  await takeMark(to.db, 'into')
  return moved
}

async function begin(db: Kysely<Schema>): Promise<void> {
  if (await isMarked(db, 'into')) return
  for (const { name } of TABLES) {
    const { rows } = await sql`select 1 from ${sql.table(name)} limit 1`.execute(db)
    if (rows.length > 0)
      throw new GatewayError(
        'ERR_CONFIG',
        `DATABASE_URL: its table ${name} is not empty, and not of a move that was interrupted. Give an empty database.`
      )
  }
  await putMark(db, 'into')
}

/** In the order of the keys, which both engines compare by their bytes, so that the last one is where to go on. */
async function copy(table: Table, from: Kysely<Schema>, to: Kysely<Schema>): Promise<number> {
  const order = sql.join(table.key.map((name) => sql`${sql.ref(name)} desc`))
  const { rows } = await sql<Row>`
    select * from ${sql.table(table.name)} order by ${order} limit 1`.execute(to)
  let copied = 0
  for await (const batch of batches(table, from, rows[0])) {
    await insert(table, to, batch)
    copied += batch.length
  }
  return copied
}

async function insert({ name }: Table, db: Kysely<Schema>, rows: readonly Row[]): Promise<void> {
  const columns = Object.keys(rows[0] ?? {})
  const values = rows.map((row) => sql`(${sql.join(columns.map((column) => sql`${row[column]}`))})`)
  await sql`
    insert into ${sql.table(name)} (${sql.join(columns.map((column) => sql.ref(column)))})
    values ${sql.join(values)}`.execute(db)
}

async function* batches(
  { name, key }: Table,
  db: Kysely<Schema>,
  after?: Row
): AsyncGenerator<readonly Row[]> {
  const columns = sql.join(key.map((one) => sql.ref(one)))
  for (let last = after; ; ) {
    const place = sql.join(key.map((one) => sql`${last?.[one]}`))
    const beyond = last ? sql`where (${columns}) > (${place})` : sql``
    const { rows } = await sql<Row>`
      select * from ${sql.table(name)} ${beyond} order by ${columns} limit ${BATCH}`.execute(db)
    if (rows.length === 0) return
    yield rows.map(storable)
    last = rows.at(-1)
  }
}

/** Of all rows in the order of their keys. */
async function digest(table: Table, db: Kysely<Schema>): Promise<{ rows: number; hash: string }> {
  const hash = createHash('sha256')
  let rows = 0
  for await (const batch of batches(table, db)) {
    rows += batch.length
    for (const row of batch) hash.update(JSON.stringify(Object.entries(row).toSorted()))
  }
  return { rows, hash: hash.digest('hex') }
}

/** As PostgreSQL keeps it: its text has no U+0000 and no half of a pair, its `bigint` no fraction. */
const storable = (row: Row): Row =>
  Object.fromEntries(Object.entries(row).map(([name, value]) => [name, kept(value)]))

function kept(value: unknown): unknown {
  if (typeof value === 'string') return value.replaceAll('\0', '\ufffd').toWellFormed()
  return typeof value === 'number' ? Math.floor(value) : value
}

/** No epoch is given twice, and no id of the audit. */
async function keepNumbers(from: Kysely<Schema>, to: Kysely<Schema>): Promise<void> {
  const { rows } = await sql<{ epoch: number | null }>`
    select max(epoch) as epoch from (
      select epoch from owners union all select epoch from lease_floor) as used`.execute(from)
  await sql`update lease_floor set epoch = ${rows[0]?.epoch ?? 0}`.execute(to)
  await sql`
    select setval(pg_get_serial_sequence('audit', 'id'), max(id)) from audit`.execute(to)
}

const differs = ({ name }: Table, here: number, there: number): GatewayError =>
  new GatewayError(
    'ERR_UNAVAILABLE',
    `The table ${name} differs after it was copied (${here} rows here, ${there} there): somebody wrote to one of the two meanwhile. Stop every gateway, and begin again with an empty database.`
  )
