import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync
} from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { systemClock } from '#shared/clock.ts'
import { asUserId } from '#shared/ids.ts'
import { createAccounts } from '../../gateway/accounts/accounts.ts'
import { createGoogleGrants } from '../../gateway/accounts/google-grants.ts'
import { createKeyring, loadKeyring, writeKeyring } from '../../gateway/accounts/keyring.ts'
import { createVault } from '../../gateway/accounts/vault.ts'
import { inspectSqlite } from '../../gateway/store/sqlite-copy.ts'
import { openStore, type Store } from '../../gateway/store/store.ts'
import { backUp } from '../../ops/backup/backup.ts'
import { restore } from '../../ops/backup/restore.ts'
import { whoHasOpen } from '../../ops/backup/who-has-open.ts'
import { smallDisk } from '../helpers/small-disk.ts'

const ADA = asUserId('100000000000000000001')
const NOW = Date.UTC(2026, 10, 28, 22, 15)
const program = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url))

const grantsOf = (store: Store, secrets: string) =>
  createGoogleGrants({
    store,
    vault: createVault(loadKeyring(secrets)),
    clock: systemClock
  })

/** A store as of a gateway that runs, with one connected person; all of it is still in the log. */
async function place(t: Test) {
  const directory = t.testdir()
  const secrets = join(directory, 'keys.json')
  writeKeyring(secrets, createKeyring())
  const database = join(directory, 'state', 'gateway.sqlite')
  const store = await openStore(`sqlite:${database}`)
  t.teardown(() => store.close())
  const grants = grantsOf(store, secrets)
  const google = { revoke: async () => {} }
  const accounts = createAccounts({ store, grants, google, clock: systemClock })
  await accounts.admit({ userId: ADA, email: 'ada@x.test', emailVerified: true, hd: undefined })
  await grants.put(ADA, '1//refresh', ['scope'])
  return { directory, secrets, database, store }
}

async function run(script: string, args: readonly string[], env: Record<string, string>) {
  const child = spawn(process.execPath, [program(`ops/${script}.ts`), ...args], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe']
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (output += chunk.toString('utf8')))
  const [status] = await once(child, 'close')
  return { status, output }
}

// A copy of the file alone lacks what is in the write-ahead log (https://www.sqlite.org/wal.html, section 4).
t.test('a backup has all that a running gateway stored, and is restored elsewhere', async (t) => {
  const { directory, secrets, database } = await place(t)
  t.ok(statSync(`${database}-wal`).size > 0, 'the log has something')
  const copy = await backUp(database, join(directory, 'kept/'), secrets, NOW)
  t.match(copy.path, /\/kept\/gateway-2026-11-28T22-15-00-000Z\.sqlite$/)
  t.same(readdirSync(join(directory, 'kept')), ['gateway-2026-11-28T22-15-00-000Z.sqlite'])
  t.equal(statSync(copy.path).mode & 0o777, 0o600)
  t.equal(statSync(join(directory, 'kept')).mode & 0o777, 0o700)
  t.match(copy, {
    contents: { rows: { users: 1, google_grants: 1 }, migrationsToCome: [] },
    keys: { state: 'checked', opened: 1, lost: 0 }
  })

  const to = join(directory, 'elsewhere', 'gateway.sqlite')
  await restore(copy.path, to, secrets)
  t.equal(statSync(to).mode & 0o777, 0o600)
  const store = await openStore(`sqlite:${to}`)
  t.teardown(() => store.close())
  t.equal((await grantsOf(store, secrets).find(ADA))?.refreshToken, '1//refresh')
})

t.test('nobody waits: not the backup for a writer, nor a writer for the backup', async (t) => {
  const { directory, database } = await place(t)
  const writer = new DatabaseSync(database)
  t.teardown(() => writer.close())
  writer.exec('BEGIN IMMEDIATE; INSERT INTO store_check VALUES (7, 7)')
  const copy = await backUp(database, join(directory, 'copy.sqlite'), undefined, NOW)
  writer.exec('COMMIT')
  t.equal(copy.contents.rows.store_check, 0, 'the state of one moment')
  t.equal(copy.keys.state, 'unchecked')
})

t.test('while others write without a pause, each copy is whole', async (t) => {
  const { directory, database } = await place(t)
  const url = `sqlite:${database}`
  const writer = spawn(process.execPath, [program('test/fixtures/store-writer.ts'), url, '400'], {
    stdio: 'inherit'
  })
  let isWriting = true
  const done = once(writer, 'exit').then(([code]) => {
    isWriting = false
    return code
  })
  let copies = 0
  while (isWriting) {
    const { contents } = await backUp(database, join(directory, `${copies}.sqlite`), undefined, NOW)
    t.equal(contents.rows.users, 1)
    copies += 1
    await new Promise((resolve) => setImmediate(resolve))
  }
  t.equal(await done, 0, 'no write failed')
  t.ok(copies > 0)
})

t.test('what is there is never overwritten, and what fails leaves nothing', async (t) => {
  const { directory, database, secrets } = await place(t)
  const to = join(directory, 'copy.sqlite')
  await backUp(database, to, secrets, NOW)
  await t.rejects(backUp(database, to, secrets, NOW), { message: /is there already/ })
  await t.rejects(backUp(database, join(directory, 'no', 'copy.sqlite'), secrets, NOW), {
    code: 'ERR_UNAVAILABLE',
    message: /its directory is not there/
  })
  await t.rejects(
    backUp(join(directory, 'none.sqlite'), join(directory, 'b.sqlite'), secrets, NOW),
    {
      message: /The copy was not made/
    }
  )
  t.same(readdirSync(directory).sort(), ['copy.sqlite', 'keys.json', 'state'])
})

const disk = smallDisk('64k')
t.teardown(() => disk?.end())
t.test(
  'a disk that is too small for the backup is named as such',
  { skip: disk ? false : 'no file system may be mounted here' },
  async (t) => {
    if (!disk) return
    const { database } = await place(t)
    await t.rejects(backUp(database, join(disk.directory, 'copy.sqlite'), undefined, NOW), {
      code: 'ERR_UNAVAILABLE',
      message: /disk is full/
    })
    t.same(readdirSync(disk.directory), [])
  }
)

t.test('a backup is put nowhere but into an empty place that nobody uses', async (t) => {
  const { directory, database, secrets, store } = await place(t)
  const { path: copy } = await backUp(database, join(directory, 'copy.sqlite'), secrets, NOW)
  const refusals: [what: string, to: string, words: RegExp][] = [
    ['a gateway that runs', database, /running program \(pid \d+\)/],
    ['another database', copy, /There is a database/]
  ]
  for (const [what, to, message] of refusals)
    await t.rejects(restore(copy, to, secrets), { code: 'ERR_CONFIG', message }, what)
  rmSync(database)
  await t.rejects(restore(copy, database, secrets), { message: /running program/ }, 'a deleted one')
  await store.close()
  for (const part of ['-wal', '-shm']) rmSync(`${database}${part}`, { force: true })
  writeFileSync(`${database}-wal`, '')
  await t.rejects(restore(copy, database, secrets), { message: /what one has left/ })
  rmSync(`${database}-wal`)
  await restore(copy, database, secrets)
  t.same(readdirSync(join(directory, 'state')), ['gateway.sqlite'])
})

t.test('who has the database open is found behind links, and by another name', async (t) => {
  const { directory, database } = await place(t)
  symlinkSync(join(directory, 'state'), join(directory, 'link'))
  symlinkSync(database, join(directory, 'file'))
  linkSync(database, join(directory, 'name'))
  for (const path of [database, join(directory, 'link', 'gateway.sqlite'), join(directory, 'file')])
    t.same(whoHasOpen(path), [process.pid], path)
  t.same(
    whoHasOpen(join(directory, 'name')),
    [process.pid],
    'as of a container, whose paths are others'
  )
  t.same(whoHasOpen(join(directory, 'none')), [])
  rmSync(database)
  t.same(
    whoHasOpen(join(directory, 'link', 'gateway.sqlite')),
    [process.pid],
    'one that was removed'
  )
})

t.test('a restored database is that of no gateway: leases and gateways are gone', async (t) => {
  const { directory, database, secrets, store } = await place(t)
  const later = Date.now() + 60_000
  await store.db
    .insertInto('owners')
    .values({
      user_id: ADA,
      node: 'n',
      epoch: 7,
      expires_at: later
    })
    .execute()
  await store.db
    .insertInto('nodes')
    .values({
      ...{ id: 'n', host: 'h', port: 1, ops_port: 2 },
      ...{
        state: 'serving',
        since: 1,
        peer_url: null,
        workers: 0,
        worker_limit: 0,
        expires_at: later
      }
    })
    .execute()
  const { path } = await backUp(database, join(directory, 'copy.sqlite'), secrets, NOW)
  t.equal(inspectSqlite(path).rows.nodes, 1)
  const to = join(directory, 'new.sqlite')
  await restore(path, to, secrets)
  const restored = await openStore(`sqlite:${to}`)
  t.teardown(() => restored.close())
  t.same(await restored.db.selectFrom('nodes').select('id').execute(), [])
  t.same(
    await restored.db.selectFrom('owners').select(['epoch', 'expires_at']).execute(),
    [{ epoch: 7, expires_at: 0 }],
    'an epoch is never used twice'
  )
})

t.test('a file that is no backup of ours, or not whole, is refused', async (t) => {
  const { directory, database, secrets } = await place(t)
  const fresh = async (name: string) =>
    (await backUp(database, join(directory, name), secrets, NOW)).path
  const damaged = await fresh('damaged.sqlite')
  const file = openSync(damaged, 'r+')
  for (let page = 3; page < 12; page += 1)
    writeSync(file, Buffer.alloc(4096, 0xee), 0, 4096, page * 4096)
  const newer = await fresh('newer.sqlite')
  const database9 = new DatabaseSync(newer)
  database9.exec("INSERT INTO kysely_migration VALUES ('999-to-come', '2030')")
  database9.close()
  const foreign = join(directory, 'foreign.sqlite')
  const other = new DatabaseSync(foreign)
  other.exec('CREATE TABLE mine (x)')
  other.close()
  const notes = join(directory, 'notes.txt')
  writeFileSync(notes, 'These are my notes, and no database at all.')

  const to = join(directory, 'new', 'gateway.sqlite')
  const cases: [from: string, words: RegExp][] = [
    [damaged, /It is damaged/],
    [newer, /newer version.*999-to-come/],
    [foreign, /not a database of this gateway/],
    [notes, /not a SQLite database/],
    [join(directory, 'none'), /no such backup/]
  ]
  for (const [from, message] of cases)
    await t.rejects(restore(from, to, secrets), { code: 'ERR_CONFIG', message }, from)
  t.notOk(existsSync(join(directory, 'new')), 'nothing was made')
})

t.test('the keys are not in it, and that they fit is checked', async (t) => {
  const { directory, database, secrets } = await place(t)
  const others = join(directory, 'other-keys.json')
  writeKeyring(others, createKeyring())
  const env = { DATABASE_URL: `sqlite:${database}`, SECRETS_FILE: secrets }
  const to = join(directory, 'copy.sqlite')

  const good = await run('backup', [to], env)
  t.equal(good.status, 0, good.output)
  t.match(good.output, /In it: 1 people, 1 Google grants \(sealed\), 0 personal tokens/)
  t.match(good.output, /Not in it: the keys \(SECRETS_FILE\)/)
  t.match(good.output, /SECRETS_FILE opens all 1 Google grants/)
  t.notMatch(good.output, /ada@x|refresh/)

  const inFile = join(directory, 'database-url')
  writeFileSync(inFile, `${env.DATABASE_URL}\n`, { mode: 0o400 })
  const filed = { DATABASE_URL_FILE: inFile, SECRETS_FILE: secrets }
  const again = await run('backup', ['--json', join(directory, 'filed.sqlite')], filed)
  t.match(JSON.parse(again.output), { rows: { users: 1 } }, 'DATABASE_URL_FILE names the database')
  t.match(await run('restore', [to], filed), { status: 78, output: /running program/ })
  chmodSync(inFile, 0o644)
  t.match(await run('backup', [join(directory, 'open.sqlite')], filed), {
    status: 78,
    output: /^DATABASE_URL_FILE names a file that other users can open/
  })

  const wrong = { ...env, SECRETS_FILE: others }
  const warned = await run('backup', ['--json', join(directory, 'second.sqlite')], wrong)
  t.equal(warned.status, 1, 'the copy is there, but somebody should look')
  t.match(JSON.parse(warned.output), { keys: { state: 'checked', opened: 0, lost: 1 } })

  const elsewhere = { ...wrong, DATABASE_URL: `sqlite:${join(directory, 'new', 'g.sqlite')}` }
  const refused = await run('restore', [to], elsewhere)
  t.equal(refused.status, 78)
  t.match(refused.output, /1 of 1 Google grants cannot be opened with SECRETS_FILE/)
  t.notOk(existsSync(join(directory, 'new')))
  const forced = await run('restore', ['--without-keys', to], elsewhere)
  t.equal(forced.status, 0, forced.output)
  t.match(forced.output, /ERR_VAULT: SECRETS_FILE opens 0 Google grants; 1 cannot/)
})

t.test('the commands say what they need', async (t) => {
  const directory = t.testdir()
  mkdirSync(join(directory, 'kept'))
  t.match(await run('restore', [], {}), { status: 64, output: /npm run restore -- <backup>/ })
  const pg = { DATABASE_URL: 'postgres://db.example.com/gateway' }
  t.match(await run('backup', [directory], pg), { status: 78, output: /pg_dump/ })
  const memory = { DATABASE_URL: 'sqlite::memory:' }
  t.match(await run('backup', [directory], memory), { status: 78, output: /names no file/ })
  const none = { DATABASE_URL: `sqlite:${join(directory, 'none.sqlite')}` }
  t.match(await run('backup', [join(directory, 'kept')], none), { status: 69 })
  t.same(readdirSync(join(directory, 'kept')), [])
})
