import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { asUserId } from '#shared/ids.ts'
import { createGoogleGrants } from '../../../gateway/accounts/google-grants.ts'
import { KeyFile } from '../../../gateway/accounts/key-file.ts'
import { KeyWatch } from '../../../gateway/accounts/key-watch.ts'
import {
  createKeyring,
  type Keyring,
  rotateKeyring,
  writeKeyring
} from '../../../gateway/accounts/keyring.ts'
import { createVault } from '../../../gateway/accounts/vault.ts'
import { openStore } from '../../../gateway/store/store.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'

const ADA = asUserId('100000000000000000001')
const BEN = asUserId('100000000000000000002')

/** As `npm run secrets -- --rotate` does it: another file takes the place in one step. */
function put(path: string, keyring: Keyring): void {
  writeKeyring(`${path}.new`, keyring)
  renameSync(`${path}.new`, path)
}

/** A store with one person's grant, and what operators are told of its keys. */
async function watched(t: Test) {
  const path = join(t.testdir(), 'keys.json')
  const keyring = createKeyring()
  writeKeyring(path, keyring)
  const store = await openStore('sqlite::memory:')
  t.teardown(() => store.close())
  const clock = new FakeClock()
  await store.db
    .insertInto('users')
    .values(
      [ADA, BEN].map((id) => ({
        ...{ id, email: `${id}@x.test`, hd: null },
        ...{ state: 'active' as const, created_at: 1, last_seen_at: 1 }
      }))
    )
    .execute()
  const told: string[] = []
  const gateway = () => {
    const keyFile = new KeyFile(path)
    const grants = createGoogleGrants({ store, vault: createVault(keyFile), clock })
    const watch = new KeyWatch({
      ...{ store, keyFile, grants, clock },
      onTrouble: ({ kind }) => told.push(kind),
      onOver: ({ kind }) => told.push(`${kind} is over`),
      onRotated: (resealed) => told.push(`rotated, ${resealed} resealed`),
      failed: (error) => told.push(String(error))
    })
    t.teardown(() => watch.close())
    return { grants, watch }
  }
  const first = gateway()
  await first.grants.put(ADA, '1//ada', ['scope'])
  await first.watch.look()
  t.same(told, [])
  return { path, keyring, store, clock, told, gateway, ...first }
}

const kidOfCanary = async ({ db }: Awaited<ReturnType<typeof openStore>>) =>
  (await db.selectFrom('key_check').select('kid').executeTakeFirst())?.kid

t.test('another file of keys is told at the start, before anybody comes', async (t) => {
  const { path, keyring, told, gateway } = await watched(t)
  put(path, createKeyring())
  const { watch, grants } = gateway()
  await watch.start()
  t.same(told, ['lost'])
  t.match(watch.trouble?.sentence, /^ERR_VAULT: SECRETS_FILE is not the file.*\(1 of 1 cannot/)
  await t.rejects(grants.find(ADA), { code: 'ERR_VAULT' })
  await grants.put(BEN, '1//ben', ['scope']) // who signs in meanwhile
  put(path, keyring)
  await watch.look()
  t.same(told, ['lost', 'rotated, 1 resealed', 'lost is over'], 'no restart is needed')
  const next = gateway()
  await next.watch.look()
  t.equal(next.watch.trouble, undefined)
  t.match(await next.grants.find(ADA), { refreshToken: '1//ada' })
  t.match(await next.grants.find(BEN), { refreshToken: '1//ben' })
})

t.test('a wrong file that takes the place of the right one seals nothing', async (t) => {
  const { path, keyring, told, watch, grants, gateway } = await watched(t)
  put(path, createKeyring())
  await watch.look()
  t.same(told, ['lost'])
  await grants.put(BEN, '1//ben', ['scope'])
  t.match(await grants.find(ADA), { refreshToken: '1//ada' }, 'this process has its keys')
  put(path, keyring)
  const next = gateway()
  await next.watch.look()
  t.match(await next.grants.find(BEN), { refreshToken: '1//ben' })
  t.match(await next.grants.find(ADA), { refreshToken: '1//ada' })
})

t.test('a store without a grant knows its keys, too; nothing is lost with them', async (t) => {
  const { path, store, told, gateway, keyring } = await watched(t)
  await store.db.deleteFrom('google_grants').execute()
  t.equal(await kidOfCanary(store), keyring.vault.current)
  const next = createKeyring()
  put(path, next)
  await gateway().watch.look()
  t.same(told, [])
  t.equal(await kidOfCanary(store), next.vault.current)
})

t.test('a file from before a rotation is an old one', async (t) => {
  const { path, keyring, told, watch, gateway } = await watched(t)
  put(path, rotateKeyring(keyring))
  await watch.look()
  t.same(told, ['rotated, 1 resealed'])
  put(path, keyring)
  const late = gateway()
  await late.watch.look()
  t.equal(late.watch.trouble?.kind, 'lost')
})

t.test('other bytes under the same name of a key are found out', async (t) => {
  const { path, keyring, watch } = await watched(t)
  const { current } = keyring.vault
  const forged = createKeyring()
  const [bytes = new Uint8Array()] = [...forged.vault.keys.values()]
  put(path, { ...keyring, vault: { current, keys: new Map([[current, bytes]]) } })
  await watch.look()
  t.equal(watch.trouble?.kind, 'lost')
})

t.test('a key that was taken out too early is missed by its grants only', async (t) => {
  const { path, keyring, told, watch, grants, store, gateway } = await watched(t)
  const foreign = await createVault(createKeyring()).seal(BEN, 'google-refresh-token', '1//ben')
  await store.db
    .insertInto('google_grants')
    .values({ user_id: BEN, ...foreign, scopes: '', updated_at: 1 })
    .execute()
  await watch.look()
  t.same(told, ['some_lost'])
  t.match(watch.trouble?.sentence, /lacks keys that 1 of 2/)
  t.same(await grants.removeLost(), [BEN])
  await watch.look()
  t.same(told, ['some_lost', 'some_lost is over'])
  put(path, keyring)
  await gateway().watch.look()
  t.equal(told.length, 2)
})

t.test('a file that is gone or broken is told, and the keys in memory go on', async (t) => {
  const { path, keyring, told, watch, grants, clock } = await watched(t)
  rmSync(path)
  await watch.look()
  t.match(watch.trouble?.sentence, /^ERR_VAULT: SECRETS_FILE: there is no such file/)
  t.match(await grants.find(ADA), { refreshToken: '1//ada' })
  await watch.look()
  t.same(told, ['unreadable'], 'once')
  clock.advance(60_000)
  await watch.look()
  t.same(told, ['unreadable', 'unreadable'], 'and once a minute')
  writeFileSync(path, '{', { mode: 0o400 })
  await watch.look()
  t.match(watch.trouble?.sentence, /it is not JSON/)
  rmSync(path)
  put(path, keyring)
  await watch.look()
  t.equal(told.at(-1), 'unreadable is over')
  t.equal(watch.trouble, undefined)
})

t.test('what --reseal of another process sealed is opened at once', async (t) => {
  const { path, keyring, store, clock, grants, told, watch } = await watched(t)
  const next = rotateKeyring(keyring)
  put(path, next)
  const elsewhere = createGoogleGrants({ store, vault: createVault(next), clock })
  t.equal(await elsewhere.reseal(), 1)
  t.match(await grants.find(ADA), { refreshToken: '1//ada' }, 'without a look in between')
  await watch.look()
  t.same(told, ['rotated, 0 resealed'])
  t.equal(await kidOfCanary(store), next.vault.current)
})

t.test(
  'gateways whose files have the same keys, but another newest one, do not take turns',
  async (t) => {
    const { path: first, keyring, store, watch, clock } = await watched(t)
    const path = `${first}.other`
    const next = rotateKeyring(keyring)
    writeKeyring(path, { ...next, vault: { ...next.vault, current: keyring.vault.current } })
    const quiet = { onTrouble() {}, onOver() {}, onRotated() {}, failed() {} }
    const keyFile = new KeyFile(path)
    const grants = createGoogleGrants({ store, vault: createVault(keyFile), clock })
    const other = new KeyWatch({ ...quiet, store, keyFile, grants, clock })
    t.teardown(() => other.close())
    await other.look()
    put(path, next)
    await other.look()
    const { sealed } = await store.db
      .selectFrom('key_check')
      .select('sealed')
      .executeTakeFirstOrThrow()
    t.equal(await kidOfCanary(store), next.vault.current)
    await other.look()
    await other.look()
    const after = await store.db.selectFrom('key_check').select('sealed').executeTakeFirstOrThrow()
    t.equal(after.sealed, sealed, 'written once for each rotation')
    await watch.look()
    t.equal(watch.trouble?.kind, 'lost', 'who has the older file hears of it')
  }
)

t.test('it looks again every few seconds until it is closed', async (t) => {
  const { path, told, clock, watch } = await watched(t)
  await watch.start()
  put(path, createKeyring())
  clock.advance(5000)
  await watch.look()
  t.same(told, ['lost'])
  await watch.close()
  await watch.close()
  rmSync(path)
  clock.advance(60_000)
  t.equal(watch.trouble?.kind, 'lost', 'nobody looked any more')
})
