import { systemClock } from '#shared/clock.ts'
import { createAccounts } from '../../gateway/accounts/accounts.ts'
import { createGoogleGrants } from '../../gateway/accounts/google-grants.ts'
import { renewCanary } from '../../gateway/accounts/key-check.ts'
import { loadKeyring } from '../../gateway/accounts/keyring.ts'
import { createVault } from '../../gateway/accounts/vault.ts'
import { openStore } from '../../gateway/store/store.ts'

/**
 * Seals every stored grant under the newest vault key of the file; answers how many were under an older one.
 * Safe while gateways run. Throws ERR_CONFIG for a file or a database that cannot be used. A grant whose key is not in
 * the file stays as it is.
 */
export const reseal = (secretsFile: string, databaseUrl: string): Promise<number> =>
  withGrants(secretsFile, databaseUrl, ({ grants }) => grants.reseal())

/**
 * Removes every stored grant that the keys of the file do not open; answers how many. Their people are asked to sign
 * in again. From then on the file counts as the one of this store. Throws ERR_CONFIG.
 */
export const forgetLost = (secretsFile: string, databaseUrl: string): Promise<number> =>
  withGrants(secretsFile, databaseUrl, async ({ keyring, store, grants }) => {
    const lost = await grants.removeLost()
    const google = { revoke: async () => {} } // what cannot be opened cannot be revoked
    const accounts = createAccounts({ store, grants, google, clock: systemClock })
    for (const userId of lost) await accounts.needsReauth(userId)
    await renewCanary({ store }, keyring)
    return lost.length
  })

async function withGrants<T>(
  secretsFile: string,
  databaseUrl: string,
  use: (parts: Awaited<ReturnType<typeof open>>) => Promise<T>
): Promise<T> {
  const parts = await open(secretsFile, databaseUrl)
  try {
    return await use(parts)
  } finally {
    await parts.store.close()
  }
}

async function open(secretsFile: string, databaseUrl: string) {
  const keyring = loadKeyring(secretsFile)
  const store = await openStore(databaseUrl)
  const grants = createGoogleGrants({ store, vault: createVault(keyring), clock: systemClock })
  return { keyring, store, grants }
}
