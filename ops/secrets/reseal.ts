import { systemClock } from '#shared/clock.ts'
import { createGoogleGrants } from '../../gateway/accounts/google-grants.ts'
import { loadKeyring } from '../../gateway/accounts/keyring.ts'
import { createVault } from '../../gateway/accounts/vault.ts'
import { openStore } from '../../gateway/store/store.ts'

/**
 * Seals every stored grant under the newest vault key of the file; answers how many were under an older one.
 * Safe while a gateway runs. Throws ERR_CONFIG for a file or a database that cannot be used, ERR_VAULT for a
 * grant whose key is not in the file.
 */
export async function reseal(secretsFile: string, databaseUrl: string): Promise<number> {
  const vault = createVault(loadKeyring(secretsFile))
  const store = await openStore(databaseUrl)
  try {
    return await createGoogleGrants({ store, vault, clock: systemClock }).reseal()
  } finally {
    await store.close()
  }
}
