import { execFile } from 'node:child_process'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { systemClock } from '#shared/clock.ts'
import { asUserId } from '#shared/ids.ts'
import { createAccounts } from '../../gateway/accounts/accounts.ts'
import { createGoogleGrants } from '../../gateway/accounts/google-grants.ts'
import { loadKeyring } from '../../gateway/accounts/keyring.ts'
import { createVault } from '../../gateway/accounts/vault.ts'
import { openStore } from '../../gateway/store/store.ts'

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
