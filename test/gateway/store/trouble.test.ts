import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { openSync, renameSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { openStore, type Store } from '../../../gateway/store/store.ts'
import { StoreHealth } from '../../../gateway/store/store-health.ts'
import { type StoreTrouble, troubleIn, troubleOf } from '../../../gateway/store/store-trouble.ts'
import { smallDisk } from '../../helpers/small-disk.ts'

const user = (id: string) => ({
  id,
  email: `${id}@example.com`,
  hd: null,
  state: 'active' as const,
  created_at: 1,
  last_seen_at: 1
})

async function open(t: Test, path: string) {
  const told: string[] = []
  const store = await openStore(`sqlite:${path}`, {
    trouble: ({ kind }) => told.push(kind),
    recovered: ({ kind }) => told.push(`${kind} is over`)
  })
  t.teardown(() => store.close())
  return { store, told }
}

const add = (store: Store, id: string) => store.db.insertInto('users').values(user(id)).execute()
const count = async (store: Store) =>
  (await store.db.selectFrom('users').select('id').execute()).length

/** Another program holds the write lock until `end` is called. */
async function lock(path: string) {
  const child = spawn(
    process.execPath,
    [
      '--no-warnings',
      '--input-type=module',
      '-e',
      `import { DatabaseSync } from 'node:sqlite'
       const database = new DatabaseSync(${JSON.stringify(path)})
       database.exec('BEGIN IMMEDIATE')
       console.log('locked')
       process.stdin.on('end', () => database.close()).resume()`
    ],
    { stdio: ['pipe', 'pipe', 'inherit'] }
  )
  const gone = once(child, 'exit')
  await once(child.stdout, 'data')
  return {
    async end() {
      child.stdin.end()
      await gone
    }
  }
}

// SQLite waits for locks in the thread that asks (https://www.sqlite.org/c3ref/busy_timeout.html): here it is the
// one that serves everybody.
t.test('while another program holds the lock, others are read and served', async (t) => {
  const path = join(t.testdir(), 'gateway.db')
  const { store } = await open(t, path)
  await add(store, 'a')
  const held = await lock(path)
  let isWritten = false
  const writing = add(store, 'b').then(() => {
    isWritten = true
  })
  const changing = store.db
    .transaction()
    .execute((tx) => tx.updateTable('users').set({ email: 'x' }).where('id', '=', 'a').execute())
  for (let turn = 0; turn < 50; turn += 1) {
    await setImmediate() // the loop goes on, and so do readers
    t.equal(await count(store), 1)
  }
  t.notOk(isWritten)
  await held.end()
  await Promise.all([writing, changing])
  t.equal(await count(store), 2)
})

t.test('a lock that is not given up is told, and what cannot be written is a 503', async (t) => {
  const path = join(t.testdir(), 'gateway.db')
  const { store, told } = await open(t, path)
  const held = await lock(path)
  const failures = await Promise.allSettled([add(store, 'a'), add(store, 'b')])
  for (const failure of failures)
    t.match(failure, { reason: { code: 'ERR_STORE', statusCode: 503, retryAfter: 5 } })
  t.same(told, ['locked'], 'once')
  t.equal(store.trouble()?.kind, 'locked')
  await held.end()
  t.equal(await store.check(), undefined)
  t.same(told, ['locked', 'locked is over'])
})

const disk = smallDisk('1m')
const skip = disk ? false : 'no file system may be mounted here'

t.test('a full disk keeps nobody from reading, and is over with room', { skip }, async (t) => {
  if (!disk) return
  const path = join(disk.directory, 'gateway.db')
  const { store, told } = await open(t, path)
  await add(store, 'a')
  disk.fill()
  t.equal((await store.check())?.kind, 'full')
  const big = { ...user('b'), email: 'x'.repeat(300_000) }
  await t.rejects(store.db.insertInto('users').values(big).execute(), { code: 'ERR_STORE' })
  await t.rejects(
    store.db.transaction().execute((tx) => tx.insertInto('users').values(big).execute()),
    { code: 'ERR_STORE' },
    'SQLite may have ended the transaction by itself'
  )
  t.equal(await count(store), 1)
  disk.empty()
  t.equal(await store.check(), undefined)
  await add(store, 'c')
  t.equal(told.at(-1), 'full is over')
  await store.close()
  disk.fill()
  await t.rejects(openStore(`sqlite:${path}`), { code: 'ERR_UNAVAILABLE', message: /disk.*full/ })
})
t.teardown(() => disk?.end())

t.test('a database that is gone, or another one, is told; what was read can be read', async (t) => {
  const path = join(t.testdir(), 'gateway.db')
  const { store, told } = await open(t, path)
  await add(store, 'a')
  renameSync(path, `${path}.away`)
  t.equal((await store.check())?.kind, 'deleted')
  await add(store, 'b')
  t.equal(store.trouble()?.kind, 'deleted', 'a write that works makes it no better')
  writeFileSync(path, '')
  t.equal((await store.check())?.kind, 'deleted')
  t.equal(await count(store), 2)
  renameSync(`${path}.away`, path)
  t.equal(await store.check(), undefined)
  t.same(told, ['deleted', 'deleted is over'])
})

t.test('a damaged database is told as such', async (t) => {
  const path = join(t.testdir(), 'gateway.db')
  const first = await openStore(`sqlite:${path}`)
  for (let n = 0; n < 50; n += 1) await add(first, `user-${n}`)
  await first.close()
  const file = openSync(path, 'r+')
  for (let page = 1; page < 40; page += 1)
    writeSync(file, Buffer.alloc(4096, 0xee), 0, 4096, page * 4096)
  const damaged = await openStore(`sqlite:${path}`).catch((error: unknown) => error)
  t.match(damaged, { code: 'ERR_CONFIG', message: /damaged.*backup/ })
})

// https://www.sqlite.org/rescode.html
t.test('SQLite’s result codes are told apart', (t) => {
  const kindOf = (errcode: number) => troubleIn(Object.assign(new Error('x'), { errcode }))?.kind
  const kinds = {
    5: 'locked',
    261: 'locked', // SQLITE_BUSY_RECOVERY
    517: 'locked', // SQLITE_BUSY_SNAPSHOT
    8: 'read_only',
    1032: 'deleted', // SQLITE_READONLY_DBMOVED
    10: 'failing',
    778: 'failing', // SQLITE_IOERR_WRITE
    4874: 'full', // SQLITE_IOERR_SHMSIZE
    11: 'corrupt',
    13: 'full',
    26: 'corrupt'
  }
  for (const [code, kind] of Object.entries(kinds)) t.equal(kindOf(Number(code)), kind, code)
  t.equal(kindOf(19), undefined, 'a constraint is no trouble of the store')
  t.equal(troubleIn(new Error('x')), undefined)
  t.end()
})

t.test('trouble that goes on is told once a minute, with how often it was met', (t) => {
  let now = 0
  const told: [StoreTrouble['kind'], number][] = []
  const health = new StoreHealth(
    { trouble: ({ kind }, failed) => told.push([kind, failed]) },
    () => now
  )
  for (let n = 0; n < 10; n += 1) health.failed(troubleOf('full', 13))
  now += 60_000
  health.failed(troubleOf('full', 13))
  health.failed(troubleOf('locked', 5))
  t.same(told, [
    ['full', 1],
    ['full', 10],
    ['locked', 1]
  ])
  t.end()
})
