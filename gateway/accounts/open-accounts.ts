import type { Clock } from '#shared/clock.ts'
import type { UserId } from '#shared/ids.ts'
import type { Store } from '../store/store.ts'
import { type Accounts, createAccounts } from './accounts.ts'
import { createGoogle, type Google } from './google.ts'
import { createGoogleGrants, type GoogleGrants } from './google-grants.ts'
import { type Keyring, loadKeyring } from './keyring.ts'
import { createPersonalTokens, type PersonalTokens } from './personal-tokens.ts'
import { createTokenBroker, type RefreshResult, type TokenBroker } from './token-broker.ts'
import { createVault } from './vault.ts'

export interface OpenAccountsParts {
  readonly store: Store
  readonly clock: Clock
  readonly secretsFile: string
  readonly google: {
    readonly issuer: string
    readonly clientId: string
    readonly clientSecret: string
  }
  readonly onNeedsReauth: (userId: UserId) => void
  readonly onRefresh: (result: RefreshResult) => void
}

/** Everything about accounts, over one store and one file of keys. */
export interface OpenAccounts {
  readonly keyring: Keyring
  readonly google: Google
  readonly grants: GoogleGrants
  readonly accounts: Accounts
  readonly broker: TokenBroker
  readonly personalTokens: PersonalTokens
}

/** Throws ERR_CONFIG when the file of keys or the issuer cannot be used. */
export function openAccounts(parts: OpenAccountsParts): OpenAccounts {
  const { store, clock } = parts
  const keyring = loadKeyring(parts.secretsFile)
  const google = createGoogle({ ...parts.google, clock })
  const grants = createGoogleGrants({ store, vault: createVault(keyring), clock })
  const accounts = createAccounts({ store, grants, google, clock })
  const broker = createTokenBroker({ ...parts, grants, accounts, google })
  const personalTokens = createPersonalTokens({ store, clock })
  return { keyring, google, grants, accounts, broker, personalTokens }
}
