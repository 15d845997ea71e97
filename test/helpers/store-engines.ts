import { join } from 'node:path'
import t, { type Test } from 'tap'
import { openStore, type Store } from '../../gateway/store/store.ts'
import type { StoreNews } from '../../gateway/store/store-health.ts'
import {
  type Pgbouncer,
  type PostgresServer,
  startPgbouncer,
  startPostgres,
  withoutPgbouncer,
  withoutPostgres
} from './postgres.ts'

/** A kind of database that a test can run on. */
export interface StoreEngine {
  readonly name: 'SQLite' | 'PostgreSQL' | 'pgbouncer'
  /** Why not here; false where it can. */
  readonly skip: string | false
  /** Of a new, empty database. */
  url(t: Test): Promise<string>
}

let server: Promise<PostgresServer> | undefined
let pooler: Promise<Pgbouncer> | undefined

/** The one of this file, which ends with it. */
const sharedPostgres = (): Promise<PostgresServer> => (server ??= startPostgres(t))
const sharedPgbouncer = (): Promise<Pgbouncer> =>
  (pooler ??= sharedPostgres().then((one) => startPgbouncer(t, one)))

const SQLITE: StoreEngine = {
  name: 'SQLite',
  skip: false,
  url: async (t) => `sqlite:${join(t.testdir(), 'gateway.db')}`
}

const POSTGRES: StoreEngine = {
  name: 'PostgreSQL',
  skip: withoutPostgres,
  url: async () => (await sharedPostgres()).newDatabase()
}

const PGBOUNCER: StoreEngine = {
  name: 'pgbouncer',
  skip: withoutPgbouncer,
  async url() {
    const database = await (await sharedPostgres()).newDatabase()
    return (await sharedPgbouncer()).through(database)
  }
}

const ENGINES: readonly StoreEngine[] = [SQLITE, POSTGRES]
/** For what a pooler could break. */
export const ALSO_POOLED: readonly StoreEngine[] = [...ENGINES, PGBOUNCER]

/** The same test on each engine; what is not installed is skipped with a reason. `newStore` gives it its store. */
export function onEach(
  title: string,
  test: (t: Test) => Promise<void>,
  engines: readonly StoreEngine[] = ENGINES
): void {
  for (const engine of engines) {
    t.test(`${engine.name}: ${title}`, { skip: engine.skip }, async (t) => {
      t.context.engine = engine
      await test(t)
    })
  }
}

/** A new, empty one on the engine of this test; SQLite in memory where it has none. Closed with `t`. */
export async function newStore(t: Test, poolSize?: number): Promise<Store> {
  const engine: StoreEngine | undefined = t.context.engine
  return openTestStore(t, engine ? await engine.url(t) : 'sqlite::memory:', {}, poolSize)
}

/** As `onEach`, for a test that needs no more than one store. */
export function onEachEngine(
  title: string,
  test: (t: Test, store: Store, url: string) => Promise<void>,
  engines: readonly StoreEngine[] = ENGINES
): void {
  for (const engine of engines) {
    t.test(`${engine.name}: ${title}`, { skip: engine.skip }, async (t) => {
      const url = await engine.url(t)
      await test(t, await openTestStore(t, url), url)
    })
  }
}

/** Closed with `t`. */
export async function openTestStore(
  t: Test,
  url: string,
  news: StoreNews = {},
  poolSize = 4
): Promise<Store> {
  const store = await openStore(url, news, { poolSize })
  t.teardown(() => store.close())
  return store
}
