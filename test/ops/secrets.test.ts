import { execFile } from 'node:child_process'
import { chownSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { systemClock } from '#shared/clock.ts'
import { asUserId } from '#shared/ids.ts'
import { createAccounts } from '../../gateway/accounts/accounts.ts'
import { createGoogleGrants } from '../../gateway/accounts/google-grants.ts'
import { createKeyring, loadKeyring, writeKeyring } from '../../gateway/accounts/keyring.ts'
import { createVault } from '../../gateway/accounts/vault.ts'
import { openStore } from '../../gateway/store/store.ts'
import { startPostgres, withoutPostgres } from '../helpers/postgres.ts'

const PROGRAM = fileURLToPath(new URL('../../ops/secrets.ts', import.meta.url))
const ADA = asUserId('100000000000000000001')

t.test('keys are made, added to, and what is stored is sealed under the newest', async (t) => {
  const directory = t.testdir()
  const file = join(directory, 'keys.json')
  const DATABASE_URL = `sqlite:${join(directory, 'data', 'gateway.sqlite')}`
  const secrets = async (...args: string[]) => {
    const run = promisify(execFile)(process.execPath, [PROGRAM, ...args, file], {
      env: { ...process.env, DATABASE_URL }
    })
    return run.then(
      ({ stdout }) => stdout,
      ({ stderr }: { stderr: string }) => stderr
    )
  }
  t.match(await secrets(), /written \(0400\)/)
  t.equal(statSync(file).mode & 0o777, 0o400)
  t.match(await secrets(), /exists already/, 'keys are never overwritten')

  const grantsNow = async () => {
    const store = await openStore(DATABASE_URL)
    const grants = createGoogleGrants({
      store,
      vault: createVault(loadKeyring(file)),
      clock: systemClock
    })
    return { store, grants }
  }
  const { store, grants } = await grantsNow()
  const accounts = createAccounts({
    store,
    grants,
    google: { revoke: async () => {} },
    clock: systemClock
  })
  await accounts.admit({ userId: ADA, email: 'ada@x.test', emailVerified: true, hd: undefined })
  await grants.put(ADA, '1//refresh', ['scope'])
  await store.close()

  t.match(await secrets('--rotate'), /new keys added/)
  t.match(await secrets('--reseal'), /1 grants sealed anew/)
  t.match(await secrets('--reseal'), /0 grants sealed anew/, 'once is enough')
  const after = await grantsNow()
  t.equal((await after.grants.find(ADA))?.refreshToken, '1//refresh')
  const row = await after.store.db.selectFrom('google_grants').select('kid').executeTakeFirst()
  t.equal(row?.kid, loadKeyring(file).vault.current)
  await after.store.close()
})

t.test('the file that SECRETS_FILE names is the one meant, and no other seals', async (t) => {
  const directory = t.testdir()
  const SECRETS_FILE = join(directory, 'keys.json')
  const other = join(directory, 'other.json')
  const DATABASE_URL_FILE = join(directory, 'url')
  const database = join(directory, 'data', 'gateway.sqlite')
  writeFileSync(DATABASE_URL_FILE, `sqlite:${database}`, { mode: 0o400 })
  const secrets = async (args: readonly string[], changes: Record<string, string> = {}) => {
    const env = { PATH: process.env.PATH, SECRETS_FILE, DATABASE_URL_FILE, ...changes }
    return promisify(execFile)(process.execPath, [PROGRAM, ...args], { env, cwd: directory }).then(
      ({ stdout }) => stdout,
      ({ stdout, stderr }: { stdout: string; stderr: string }) => stdout + stderr
    )
  }
  t.match(await secrets([]), `${SECRETS_FILE}: written`)
  t.match(await secrets([other]), `${other}: written`)
  t.match(await secrets(['--rotate', '--reseal']), `sqlite:${database}: 0 grants sealed`)
  t.match(await secrets(['--forget-lost']), `sqlite:${database}: 0 grants removed`)
  for (const deed of ['--reseal', '--forget-lost'])
    t.match(await secrets([deed, other]), /is not the file that SECRETS_FILE names/, deed)
  symlinkSync(SECRETS_FILE, join(directory, 'link.json'))
  t.match(await secrets(['--reseal', join(directory, 'link.json')]), /0 grants sealed/)
})

t.test(
  'what root makes belongs to whoever had it before',
  { skip: process.getuid?.() === 0 ? false : 'only root gives files away' },
  async (t) => {
    const directory = t.testdir()
    chownSync(directory, 12_345, 12_345)
    const owned = (name: string) => statSync(join(directory, name)).uid
    const run = (program: string, ...args: string[]) =>
      promisify(execFile)(process.execPath, [
        fileURLToPath(new URL(program, import.meta.url)),
        ...args
      ])
    const keys = join(directory, 'keys.json')
    await run('../../ops/secrets.ts', keys)
    t.equal(owned('keys.json'), 12_345)
    chownSync(keys, 23_456, 12_345)
    await run('../../ops/secrets.ts', '--rotate', keys)
    t.equal(owned('keys.json'), 23_456, 'the gateway can read its new keys')
    for (const name of ['anna', 'ben'])
      await run('../../ops/operator.ts', join(directory, 'operators.json'), name, 'read')
    t.equal(owned('operators.json'), 12_345)
  }
)

t.test('a password in DATABASE_URL is not said', { skip: withoutPostgres }, async (t) => {
  const server = await startPostgres(t)
  const url = new URL(await server.newDatabase())
  url.password = 'canary-of-a-password'
  const file = join(t.testdir(), 'keys.json')
  writeKeyring(file, createKeyring())
  const env = { PATH: process.env.PATH, SECRETS_FILE: file, DATABASE_URL: url.href }
  for (const deed of ['--reseal', '--forget-lost']) {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [PROGRAM, deed], { env })
    t.match(stdout, `postgres://${url.host}${url.pathname}: 0 grants`)
    t.notMatch(stdout + stderr, 'canary-of-a-password')
  }
})
