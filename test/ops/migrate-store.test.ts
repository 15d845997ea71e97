import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CompiledQuery } from 'kysely'
import t, { type Test } from 'tap'
import { createKeyring, writeKeyring } from '../../gateway/accounts/keyring.ts'
import { putMark } from '../../gateway/store/move-marks.ts'
import { moveStore } from '../../gateway/store/move-store.ts'
import { openStore, type Store } from '../../gateway/store/store.ts'
import { lookAtStore } from '../../ops/doctor/look-at-store.ts'
import { startPostgres, withoutPostgres } from '../helpers/postgres.ts'
import { openTestStore } from '../helpers/store-engines.ts'

const server = withoutPostgres ? undefined : await startPostgres(t)
const skip = { skip: withoutPostgres }
const PEOPLE = 1203 // more than two batches

const user = (id: string) => ({
  id,
  email: `${id}@example.com`,
  hd: null,
  state: 'active' as const,
  created_at: 1,
  last_seen_at: 1_764_000_000_000
})
const entry = (target: string) => ({
  ...{ at: 1, actor: 'admin', action: 'x', target, reason: null, request_id: null }
})

async function fill({ db }: Store): Promise<void> {
  const people = Array.from({ length: PEOPLE }, (_, n) => user(`${(n * 7919) % 100_003}`))
  await db.insertInto('users').values(people).execute()
  await db
    .insertInto('users')
    .values([user('nul\0'), user('_é'), user('"{a,b}"')])
    .execute()
  await db
    .insertInto('google_grants')
    .values({ user_id: '_é', sealed: 's', kid: 'k', scopes: '', updated_at: 1 })
    .execute()
  const none = { grant_id: null, uid: null, user_id: null, client_id: null, consumed_at: null }
  const rows = ['b', 'a', 'c'].flatMap((id) =>
    ['Grant', 'Client'].map((model) => ({ ...none, id, model, payload: '{"a":"\\u0000"}' }))
  )
  await db
    .insertInto('oauth')
    .values(rows.map((row) => ({ ...row, created_at: 1, expires_at: 2 })))
    .execute()
  await db
    .insertInto('audit')
    .values([entry('one'), entry('two'), entry('three')])
    .execute()
  await db
    .insertInto('owners')
    .values({ user_id: 'x', node: 'n', epoch: 2 ** 40, expires_at: 0 })
    .execute()
}

async function lab(t: Test) {
  const file = `sqlite:${join(t.testdir(), 'gateway.sqlite')}`
  const url = (await server?.newDatabase()) ?? ''
  const from = await openTestStore(t, file)
  await fill(from)
  return { file, url, from }
}

const run = (args: string[], DATABASE_URL: string) => runWith(args, { DATABASE_URL })

const runWith = (args: string[], settings: Record<string, string>) =>
  new Promise<{ code: number | string | null | undefined; said: string }>((resolve) => {
    const env = { PATH: process.env.PATH, ...settings }
    execFile(process.execPath, ['ops/migrate-store.ts', ...args], { env }, (error, out, err) =>
      resolve({ code: error ? error.code : 0, said: `${out}${err}` })
    )
  })

t.test('all that is kept is there afterwards, and numbers go on', skip, async (t) => {
  const { file, url, from } = await lab(t)
  const held = await run([file], url)
  t.match(held, { code: 69, said: /Stop the gateway first/ })
  await from.close()
  const { code, said } = await run([file], url)
  t.equal(code, 0, said)
  t.match(said, /^users: 1206 rows, 1206 of them copied now$/m)
  t.match(said, /^oauth: 6 rows/m)
  const { db } = await openTestStore(t, url)
  const ids = (await db.selectFrom('users').select('id').execute()).map(({ id }) => id)
  t.equal(ids.length, 1206)
  t.ok(['_é', '"{a,b}"', 'nul\ufffd'].every((id) => ids.includes(id)))
  await db.insertInto('audit').values(entry('four')).execute()
  const audit = await db.selectFrom('audit').select(['id', 'target']).orderBy('id').execute()
  t.same(audit.at(-1), { id: 4, target: 'four' })
  t.same(await db.selectFrom('lease_floor').select('epoch').execute(), [{ epoch: 2 ** 40 }])
  t.same(await db.selectFrom('owners').selectAll().execute(), [])
  t.match(await run([file], url), { code: 78, said: /users is not empty/ })
})

t.test('no gateway starts over what was moved, nor over what is being filled', skip, async (t) => {
  const { file, url, from } = await lab(t)
  const to = await openTestStore(t, url)
  await putMark(to.db, 'into') // as an interrupted run leaves it
  await t.rejects(openStore(url), {
    code: 'ERR_CONFIG',
    message: /being filled.*run `npm run migrate-store`/
  })
  await from.close()
  const urlFile = `${file.slice('sqlite:'.length)}-url`
  writeFileSync(urlFile, url, { mode: 0o400 })
  t.match(await runWith([file], { DATABASE_URL_FILE: urlFile }), { code: 0 })
  await (await openStore(url)).close()
  const refusal = { code: 'ERR_CONFIG', message: /was moved to another database/ }
  await t.rejects(openStore(file), refusal)
  const SECRETS_FILE = `${urlFile}-keys`
  writeKeyring(SECRETS_FILE, createKeyring())
  const looks = await lookAtStore({ DATABASE_URL: file, SECRETS_FILE })
  t.match(looks[0], { level: 'fail', said: /was moved to another database/ }, 'doctor says so')
  t.match(await run(['--back', file], ''), { code: 0, said: /may start over the file again/ })
  await (await openStore(file)).close()
})

t.test('an interrupted move goes on where it was', skip, async (t) => {
  const { url, from } = await lab(t)
  const to = await openTestStore(t, url)
  // The connection is lost in the middle.
  await to.db.executeQuery(
    CompiledQuery.raw(
      `create function stop() returns trigger as $$ begin if new.id > '5' then raise 'lost'; end if; return new; end $$ language plpgsql`
    )
  )
  await to.db.executeQuery(
    CompiledQuery.raw(
      'create trigger stop before insert on users for each row execute function stop()'
    )
  )
  await t.rejects(moveStore(from, to))
  const { length: before } = await to.db.selectFrom('users').select('id').execute()
  t.ok(before > 0 && before < PEOPLE, `${before} were there`)
  await to.db.executeQuery(CompiledQuery.raw('drop trigger stop on users'))
  const [users] = await moveStore(from, to)
  t.same(users, { name: 'users', rows: 1206, copied: 1206 - before })
})

t.test('what differs is found', skip, async (t) => {
  const { url, from } = await lab(t)
  const to = await openTestStore(t, url)
  await to.db.executeQuery(
    CompiledQuery.raw(
      `create function change() returns trigger as $$ begin if new.id = '_é' then new.email = 'x'; end if; return new; end $$ language plpgsql`
    )
  )
  await to.db.executeQuery(
    CompiledQuery.raw(
      'create trigger change before insert on users for each row execute function change()'
    )
  )
  await t.rejects(moveStore(from, to), { code: 'ERR_UNAVAILABLE', message: /users differs/ })
})

t.test('what cannot be moved is said in words', async (t) => {
  t.match(await run(['sqlite:/no/such/file'], 'postgres://app@127.0.0.1:1/x'), {
    code: 78,
    said: /There is no file/
  })
  t.match(await run(['postgres://x'], 'postgres://y'), { code: 78, said: /sqlite:<path>/ })
  t.match(await run(['sqlite:a'], 'sqlite:b'), { code: 78, said: /must name the PostgreSQL/ })
  await t.rejects(openStore('postgres://app@127.0.0.1:1/x'), { code: 'ERR_UNAVAILABLE' })
})
