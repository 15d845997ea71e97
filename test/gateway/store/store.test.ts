import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CompiledQuery } from 'kysely'
import t, { type Test } from 'tap'
import { openStore } from '../../../gateway/store/store.ts'
import { ALSO_POOLED, onEachEngine, openTestStore } from '../../helpers/store-engines.ts'

const modeOf = (path: string) => statSync(path).mode & 0o777

const user = (id: string) => ({
  id,
  email: `${id}@example.com`,
  hd: null,
  state: 'active' as const,
  created_at: 1,
  last_seen_at: 1
})

const open = async (t: Test, path: string) => {
  const store = await openStore(`sqlite:${path}`)
  t.teardown(() => store.close())
  return store
}

t.test('the file is 0600 in a directory made 0700, the log beside it as well', async (t) => {
  const path = join(t.testdir(), 'deep', 'state', 'gateway.db')
  const { db } = await open(t, path)
  await db.insertInto('users').values(user('a')).execute()
  t.equal(modeOf(join(path, '..')), 0o700)
  t.equal(modeOf(path), 0o600)
  t.equal(modeOf(`${path}-wal`), 0o600)
})

onEachEngine('what was written is there after the store was closed', async (t, first, url) => {
  await first.db.insertInto('users').values(user('a')).execute()
  await first.close()
  await first.close()
  const second = await openTestStore(t, url)
  t.match(await second.db.selectFrom('users').selectAll().execute(), [user('a')])
})

onEachEngine('every table exists and takes a full row', async (t, { db }) => {
  const row = { user_id: 'a', created_at: 1, last_seen_at: 1_764_000_000_000 }
  await db.insertInto('users').values(user('a')).execute()
  await db
    .insertInto('google_grants')
    .values({ user_id: 'a', sealed: 's', kid: 'k', scopes: 'x y', updated_at: 1 })
    .execute()
  await db
    .insertInto('sessions')
    .values({
      ...row,
      hash: 'h',
      handle: 's-1',
      client_id: 'c',
      client_name: 'n',
      client_version: '1',
      protocol_version: '2025-11-25',
      initialize: '{}'
    })
    .execute()
  await db
    .insertInto('owners')
    .values({ user_id: 'a', node: 'n', epoch: 2 ** 40, expires_at: 5 })
    .execute()
  await db
    .insertInto('audit')
    .values({ at: 1, actor: 'admin', action: 'block', target: 'a', reason: null, request_id: null })
    .execute()
  t.equal((await db.selectFrom('audit').select('id').executeTakeFirstOrThrow()).id, 1)
  const { last_seen_at } = await db.selectFrom('sessions').selectAll().executeTakeFirstOrThrow()
  t.equal(last_seen_at, 1_764_000_000_000, 'a number, not a text of digits')
  const { epoch } = await db.selectFrom('owners').selectAll().executeTakeFirstOrThrow()
  t.equal(epoch, 2 ** 40)
  const counted = db.selectFrom('audit').select(({ fn }) => fn.countAll<number>().as('n'))
  t.same(await counted.execute(), [{ n: 1 }])
})

onEachEngine(
  'what runs on every request is compiled once',
  async (t, store) => {
    const { db } = store
    await db
      .insertInto('users')
      .values([user('a'), user('b')])
      .execute()
    const query = db.selectFrom('users').select('email').where('id', '=', '')
    for (const find of [store.prepared(query), store.prepared(query).soon]) {
      t.same(await find('b'), [{ email: 'b@example.com' }])
      t.same(await find('c'), [])
    }
  },
  ALSO_POOLED
)

onEachEngine('keys are in the order of their bytes, whatever the language', async (t, { db }) => {
  // A collation of a language puts `_` and capitals elsewhere, and changes with the C library.
  await db.insertInto('users').values(['b', 'B', '_', '1', 'é'].map(user)).execute()
  const rows = await db.selectFrom('users').select('id').orderBy('id').execute()
  t.same(
    rows.map(({ id }) => id),
    ['1', 'B', '_', 'b', 'é']
  )
  const after = await db.selectFrom('users').select('id').where('id', '>', 'B').execute()
  t.equal(after.length, 3)
})

onEachEngine(
  'a list of any length can be looked for, an empty one too',
  async (t, { db, terms }) => {
    await db
      .insertInto('users')
      .values([user('a'), user('b')])
      .execute()
    const among = (ids: readonly string[], how: 'in' | 'not in' = 'in') =>
      db.selectFrom('users').select('id').where('id', how, terms.listed(ids)).execute()
    const many = Array.from({ length: 70_000 }, (_, n) => `u${n}`) // a parameter each: 65,535 at most
    t.same(await among([...many, 'b', 'b', `it's "b", {b}`]), [{ id: 'b' }])
    t.same(await among([]), [])
    t.equal((await among([], 'not in')).length, 2)
  }
)

onEachEngine('text of any kind is stored, and found again', async (t, { db }) => {
  // PostgreSQL's text has no U+0000, and UTF-8 no half of a pair; clients send both in their names.
  for (const text of ['a\u0000b', '\ud800', "'; drop table users; --", '{1,2}', '\\', '😀'])
    await db.insertInto('users').values(user(text)).execute()
  t.equal((await db.selectFrom('users').select('id').execute()).length, 6)
  const nul = db.selectFrom('users').select('id').where('id', '=', 'a\u0000b')
  t.equal((await nul.execute()).length, 1)
})

onEachEngine(
  'of a transaction that fails nothing is stored',
  async (t, store) => {
    const failing = store.transaction(async (transaction) => {
      await transaction.insertInto('users').values(user('a')).execute()
      throw new Error('no')
    })
    await t.rejects(failing, /no/)
    const twice = store.transaction(async (transaction) => {
      await transaction.insertInto('users').values(user('b')).execute()
      await transaction.insertInto('users').values(user('b')).execute()
    })
    await t.rejects(twice)
    t.same(await store.db.selectFrom('users').selectAll().execute(), [])
    t.equal(store.trouble(), undefined, 'a statement that is wrong is no trouble of the store')
  },
  ALSO_POOLED
)

t.test('looking for expired sessions costs the same however many there are', async (t) => {
  const { db } = await open(t, ':memory:')
  const expired = db
    .selectFrom('sessions')
    .selectAll()
    .where(({ or, eb }) => or([eb('last_seen_at', '<', 1), eb('expires_at', '<=', 1)]))
  const { sql, parameters } = expired.compile()
  const plan = CompiledQuery.raw(`explain query plan ${sql}`, [...parameters])
  const { rows } = await db.executeQuery<{ detail: string }>(plan)
  t.ok(rows.length > 0)
  t.notOk(
    rows.some(({ detail }) => detail.startsWith('SCAN')),
    { rows }
  )
})

onEachEngine('a removed user takes grants and personal tokens along', async (t, { db }) => {
  await db.insertInto('users').values(user('a')).execute()
  await db
    .insertInto('google_grants')
    .values({ user_id: 'a', sealed: 's', kid: 'k', scopes: '', updated_at: 1 })
    .execute()
  await db.deleteFrom('users').where('id', '=', 'a').execute()
  t.same(await db.selectFrom('google_grants').selectAll().execute(), [])
})

/** Runs the fixture in a process of its own; its exit code. */
const writeElsewhere = async (url: string, times: number) => {
  const writer = spawn(process.execPath, ['test/fixtures/store-writer.ts', url, String(times)], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, NODE_OPTIONS: '' }
  })
  const [code] = await once(writer, 'exit')
  return code
}

for (const engine of ALSO_POOLED) {
  const title = `${engine.name}: gateways may start on one new database, and write to it, and lose nothing`
  t.test(title, { skip: engine.skip }, async (t) => {
    const url = await engine.url(t)
    const started = await Promise.all([0, 0, 0].map((times) => writeElsewhere(url, times)))
    t.same(started, [0, 0, 0])
    const { db } = await openTestStore(t, url)
    await db.insertInto('users').values(user('a')).execute()
    const times = engine.name === 'SQLite' ? 2000 : 200
    const wrote = await Promise.all([writeElsewhere(url, times), writeElsewhere(url, times)])
    t.same(wrote, [0, 0])
    const row = { last_seen_at: 2 * times + 1 }
    t.match(await db.selectFrom('users').select('last_seen_at').execute(), [row])
  })
}

onEachEngine('tables of a newer version are refused by name', async (t, store, url) => {
  const done = { name: '999-of-the-future', timestamp: '2030-01-01T00:00:00.000Z' }
  await store.db.executeQuery(
    CompiledQuery.raw(
      `insert into kysely_migration (name, timestamp) values ('${done.name}', '${done.timestamp}')`
    )
  )
  await t.rejects(openStore(url), {
    code: 'ERR_CONFIG',
    message: /newer version.*999-of-the-future is not known here/
  })
})

t.test('an address that cannot be used is refused with a sentence', async (t) => {
  const dir = t.testdir()
  writeFileSync(
    join(dir, 'text.db'),
    'this is certainly not a database file, only text\n'.repeat(9)
  )
  mkdirSync(join(dir, 'open'))
  chmodSync(join(dir, 'open'), 0o777)
  const cases: [string, RegExp][] = [
    ['mysql://db/gateway', /only sqlite:<path> and postgres:\/\/… are supported, not mysql:/],
    ['gateway.db', /not a bare path/],
    ['sqlite:', /needs a path/],
    [`sqlite:${join(dir, 'text.db')}`, /not a SQLite database/],
    [`sqlite:${join(dir, 'text.db', 'below')}`, /cannot be written/],
    [`sqlite:${join(dir, 'open', 'x.db')}`, /anybody may write/]
  ]
  for (const [url, message] of cases) {
    await t.rejects(openStore(url), { name: 'GatewayError', code: 'ERR_CONFIG', message }, url)
  }
})
