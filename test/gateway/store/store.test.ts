import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CompiledQuery } from 'kysely'
import t, { type Test } from 'tap'
import { openStore } from '../../../gateway/store/store.ts'

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

t.test('what was written is there after the store was closed and opened again', async (t) => {
  const path = join(t.testdir(), 'gateway.db')
  const first = await open(t, path)
  await first.db.insertInto('users').values(user('a')).execute()
  await first.close()
  await first.close()
  const second = await open(t, path)
  t.match(await second.db.selectFrom('users').selectAll().execute(), [user('a')])
})

t.test('every table exists and takes a full row', async (t) => {
  const { db } = await open(t, ':memory:')
  const row = { user_id: 'a', created_at: 1, last_seen_at: 2 }
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
    .values({ user_id: 'a', node: 'n', epoch: 1, expires_at: 5 })
    .execute()
  await db
    .insertInto('audit')
    .values({ at: 1, actor: 'admin', action: 'block', target: 'a', reason: null, request_id: null })
    .execute()
  t.equal((await db.selectFrom('audit').select('id').executeTakeFirstOrThrow()).id, 1)
})

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

t.test('a removed user takes grants and personal tokens along', async (t) => {
  const { db } = await open(t, ':memory:')
  await db.insertInto('users').values(user('a')).execute()
  await db
    .insertInto('google_grants')
    .values({ user_id: 'a', sealed: 's', kid: 'k', scopes: '', updated_at: 1 })
    .execute()
  await db.deleteFrom('users').where('id', '=', 'a').execute()
  t.same(await db.selectFrom('google_grants').selectAll().execute(), [])
})

/** Runs the fixture in a process of its own; its exit code. */
const writeElsewhere = async (path: string, times: number) => {
  const writer = spawn(
    process.execPath,
    ['test/fixtures/store-writer.ts', `sqlite:${path}`, String(times)],
    { stdio: ['ignore', 'inherit', 'inherit'], env: { ...process.env, NODE_OPTIONS: '' } }
  )
  const [code] = await once(writer, 'exit')
  return code
}

t.test('two gateways may start on one new file, and write to it, and lose nothing', async (t) => {
  const path = join(t.testdir(), 'gateway.db')
  const started = await Promise.all([writeElsewhere(path, 0), writeElsewhere(path, 0)])
  t.same(started, [0, 0])
  const { db } = await open(t, path)
  await db.insertInto('users').values(user('a')).execute()
  const wrote = await Promise.all([writeElsewhere(path, 2000), writeElsewhere(path, 2000)])
  t.same(wrote, [0, 0])
  t.match(await db.selectFrom('users').select('last_seen_at').execute(), [{ last_seen_at: 4001 }])
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
    ['postgres://db/gateway', /only sqlite:<path> is supported, not postgres:/],
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
