import { appendFileSync, chownSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { rootCertificates } from 'node:tls'
import { inspect } from 'node:util'
import t from 'tap'
import { openStore } from '../../../gateway/store/store.ts'
import { startPostgres, withoutPostgres } from '../../helpers/postgres.ts'
import { openTestStore } from '../../helpers/store-engines.ts'
import { TEST_CERTIFICATE, TEST_KEY } from '../../helpers/test-certificate.ts'

const server = withoutPostgres ? undefined : await startPostgres(t)
const skip = { skip: withoutPostgres }
const SECRET = 'p4ss-w0rd/of:mine'

const user = (id: string) => ({
  id,
  email: 'somebody@example.com',
  hd: null,
  state: 'active' as const,
  created_at: 1,
  last_seen_at: 1
})

const newUrl = async () => (await server?.newDatabase()) ?? ''
/** Resolves when they are gone: one that is told to end may still take a statement. */
const endConnections = (url: string) =>
  server?.ask(
    `select pg_terminate_backend(pid, 10000) from pg_stat_activity where datname = '${new URL(url).pathname.slice(1)}'`
  )

t.test('a connection that is lost at any time ends nothing but what was on it', skip, async (t) => {
  const url = await newUrl()
  const { db, transaction, trouble } = await openTestStore(t, url)
  await db.insertInto('users').values(user('before')).execute()
  await endConnections(url) // while it lies idle
  await db.insertInto('users').values(user('idle')).execute()
  const lost = transaction(async (tx) => {
    await tx.insertInto('users').values(user('within')).execute()
    await endConnections(url) // between two statements: nobody but a listener of the connection itself hears it
    await new Promise((resolve) => setImmediate(resolve))
    await tx
      .insertInto('users')
      .values(user('after'))
      .execute()
      .catch(() => {})
    await tx.insertInto('users').values(user('and on')).execute()
  })
  await t.rejects(lost, { code: 'ERR_STORE', statusCode: 503 })
  const ids = (await db.selectFrom('users').select('id').orderBy('id').execute()).map(
    ({ id }) => id
  )
  t.same(ids, ['before', 'idle'], 'nothing of it is done outside of it')
  await db.insertInto('users').values(user('later')).execute()
  t.equal(trouble(), undefined)
})

t.test('two transactions that lock each other out are both done', skip, async (t) => {
  const { db, transaction } = await openTestStore(t, await newUrl())
  await db
    .insertInto('users')
    .values([user('a'), user('b')])
    .execute()
  const met = Promise.withResolvers<void>()
  let inside = 0
  const both = (first: string, second: string) =>
    transaction(async (tx) => {
      const count = (id: string) =>
        tx
          .updateTable('users')
          .set(({ eb }) => ({ last_seen_at: eb('last_seen_at', '+', 1) }))
          .where('id', '=', id)
          .execute()
      await count(first)
      inside += 1
      if (inside >= 2) met.resolve()
      await met.promise
      await count(second)
    })
  await Promise.all([both('a', 'b'), both('b', 'a')])
  const rows = await db.selectFrom('users').select('last_seen_at').execute()
  t.same(rows, [{ last_seen_at: 3 }, { last_seen_at: 3 }])
})

t.test('no error quotes what is in a row, or the password', skip, async (t) => {
  const url = await newUrl()
  const { db } = await openTestStore(t, url.replace('app@', `app:${encodeURIComponent(SECRET)}@`))
  const add = () => db.insertInto('users').values(user('100000000000000000001')).execute()
  await add()
  const error: unknown = await add().then(
    () => undefined,
    (error: unknown) => error
  )
  t.match(error, { code: '23505' })
  t.notMatch(inspect(error, { depth: 9, showHidden: true }), /1000000000000|somebody@|p4ss/)
  const away = await openStore(`postgres://app:${encodeURIComponent(SECRET)}@127.0.0.1:1/x`).then(
    () => undefined,
    (error: unknown) => error
  )
  t.match(away, {
    code: 'ERR_UNAVAILABLE',
    message: /^DATABASE_URL: The database cannot be reached/
  })
  t.notMatch(inspect(away, { depth: 9, showHidden: true }), /p4ss/)
})

t.test('what only the settings can mend is said at the start', skip, async (t) => {
  const url = await newUrl()
  const refused = (changed: string, message: RegExp) =>
    t.rejects(openStore(changed), { code: 'ERR_CONFIG', message }, changed)
  await refused(url.replace(/\/t\w+$/, '/none'), /there is no database of this name/)
  await refused(url.replace('app@', 'nobody@'), /does not let this user in/)
  await refused(`${url}?sslmode=require`, /does not speak TLS.*sslmode=disable/)
  await server?.ask(`create role plain login`)
  await refused(url.replace('app@', 'plain@'), /its user may not make tables there/)
})

t.test(
  'a wrong password is told at the start, the right one may lie in a file',
  skip,
  async (t) => {
    const guarded = await startPostgres(t)
    const url = await guarded.newDatabase()
    await guarded.ask(`alter role app password '${SECRET}'`)
    const file = join(guarded.directory, 'data', 'pg_hba.conf')
    writeFileSync(file, 'host all all 127.0.0.1/32 scram-sha-256\n')
    const data = join(guarded.directory, 'data')
    process.kill(
      Number(readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')[0]),
      'SIGHUP'
    )
    const refused = await openStore(url.replace('app@', 'app:wrong@')).then(
      () => undefined,
      (error: unknown) => error
    )
    t.match(refused, { code: 'ERR_CONFIG', message: /does not let this user in/ })
    t.notMatch(inspect(refused, { depth: 9, showHidden: true }), /:wrong@/)
    await t.rejects(openStore(url), { code: 'ERR_CONFIG', message: /wants a password/ })
    const store = await openTestStore(t, url.replace('app@', `app:${encodeURIComponent(SECRET)}@`))
    t.same(await store.db.selectFrom('users').select('id').execute(), [])
    const passwords = join(t.testdir(), 'pgpass')
    writeFileSync(passwords, `*:*:*:app:${SECRET.replace(':', '\\:')}\n`, { mode: 0o600 })
    process.env.PGPASSFILE = passwords
    t.teardown(() => {
      delete process.env.PGPASSFILE
    })
    const byFile = await openTestStore(t, url)
    t.same(await byFile.db.selectFrom('users').select('id').execute(), [])
  }
)

t.test('over TLS the server must prove who it is', skip, async (t) => {
  const dir = t.testdir()
  writeFileSync(join(dir, 'server.pem'), TEST_CERTIFICATE)
  writeFileSync(join(dir, 'other.pem'), rootCertificates[0] ?? '')
  const guarded = await startPostgres(t)
  const url = (await guarded.newDatabase()).replace('127.0.0.1', 'localhost')
  const data = join(guarded.directory, 'data')
  for (const [name, text] of [
    ['server.key', TEST_KEY],
    ['server.crt', TEST_CERTIFICATE]
  ] as const) {
    writeFileSync(join(data, name), text, { mode: 0o600 })
    if (process.getuid?.() === 0) chownSync(join(data, name), 65_534, 65_534)
  }
  appendFileSync(join(data, 'postgresql.auto.conf'), 'ssl = on\n')
  await guarded.kill()
  await guarded.start()
  const wanted = (file: string, mode = 'verify-full') =>
    `${url}?sslmode=${mode}&sslrootcert=${join(dir, file)}`
  const store = await openTestStore(t, wanted('server.pem'))
  const { sql, ...rest } = store.db.selectFrom('users').select('id').compile()
  t.same((await store.db.executeQuery({ sql, ...rest })).rows, [])
  const inUse = await guarded.ask(`select 1 from pg_stat_ssl where ssl`)
  t.ok(inUse.length > 0, 'it is encrypted')
  await t.rejects(openStore(wanted('other.pem')), {
    code: 'ERR_CONFIG',
    message: /does not prove who it is/
  })
  const byAddress = wanted('server.pem').replace('localhost', '127.0.0.1')
  await t.rejects(openStore(byAddress), { code: 'ERR_CONFIG', message: /does not prove/ })
  await (await openStore(byAddress.replace('verify-full', 'verify-ca'))).close()
  await (await openStore(`${url}?sslmode=require`)).close()
})
