import type { Clock } from '#shared/clock.ts'
import type { UserId } from '#shared/ids.ts'
import type { Store } from '../store/store.ts'
import { type AccountChoices, createAccountChoices } from './account-choices.ts'
import { type Accounts, createAccounts } from './accounts.ts'
import { createGoogleGrants, type GoogleGrants } from './google-grants.ts'
import { createGoogle, type Google } from './google-oidc.ts'
import { KeyFile } from './key-file.ts'
import type { Keyring } from './keyring.ts'
import { createMailboxLinks, type MailboxLinks } from './mailbox-links.ts'
import { createPersonalTokens, type PersonalTokens } from './personal-tokens.ts'
import { createTokenBroker, type RefreshResult, type TokenBroker } from './token-broker.ts'
import { createVault } from './vault.ts'

export interface OpenAccountsParts {
  readonly store: Store
  readonly clock: Clock
  /** Those of the configuration. */
  readonly settings: {
    readonly SECRETS_FILE: string
    readonly GOOGLE_ISSUER_URL: string
    readonly GOOGLE_CLIENT_ID: string
    readonly GOOGLE_CLIENT_SECRET: string
  }
  readonly onNeedsReauth?: (userId: UserId) => void
  readonly onRefresh?: (result: RefreshResult) => void
}

/** Everything about accounts, over one store and one file of keys. */
export interface OpenAccounts {
  /** As it was at the start: cookies and signatures keep their keys until the next one. */
  readonly keyring: Keyring
  readonly keyFile: KeyFile
  readonly google: Google
  readonly grants: GoogleGrants
  readonly accounts: Accounts
  readonly choices: AccountChoices
  readonly mailboxLinks: MailboxLinks
  readonly broker: TokenBroker
  readonly personalTokens: PersonalTokens
}

/** Throws ERR_CONFIG when the file of keys or the issuer cannot be used. */
export function openAccounts(parts: OpenAccountsParts): OpenAccounts {
  const { store, clock, settings, onNeedsReauth = () => {}, onRefresh = () => {} } = parts
  const keyFile = new KeyFile(settings.SECRETS_FILE)
  const { keyring } = keyFile
  const google = createGoogle({
    issuer: settings.GOOGLE_ISSUER_URL,
    clientId: settings.GOOGLE_CLIENT_ID,
    clientSecret: settings.GOOGLE_CLIENT_SECRET,
    clock
  })
  const grants = createGoogleGrants({ store, vault: createVault(keyFile), clock })
  const accounts = createAccounts({ store, grants, google, clock })
  const broker = createTokenBroker({ clock, grants, accounts, google, onNeedsReauth, onRefresh })
  const personalTokens = createPersonalTokens({ store, clock })
  const choices = createAccountChoices({ store, clock })
  const mailboxLinks = createMailboxLinks({ store, clock })
  return {
    ...{ keyring, keyFile, google, grants, accounts, choices, mailboxLinks, broker },
    personalTokens
  }
}
