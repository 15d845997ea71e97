import { type AccessLevel, googleScopesFor } from '#shared/access-levels.ts'
import { systemClock } from '#shared/clock.ts'
import { asUserId } from '#shared/ids.ts'
import { openAccounts } from '../../gateway/accounts/open-accounts.ts'
import type { Config } from '../../gateway/config/config.ts'
import { openStore } from '../../gateway/store/store.ts'

/** What is to be known of Google: where it is, and how a grant of somebody is had. */
export interface GoogleStandIn {
  readonly url: string
  readonly clientId: string
  readonly clientSecret: string
  readonly users: readonly { readonly email: string; readonly sub?: string }[]
  issueGrant(email: string, scopes: readonly string[]): { readonly refreshToken: string }
}

export interface TestUser {
  readonly email: string
  readonly sub: string
  readonly token: string
}

/** As if everybody had signed in; each gets a personal token. */
export async function connectUsers(
  config: Pick<Config, 'DATABASE_URL' | 'SECRETS_FILE'>,
  google: GoogleStandIn,
  level: AccessLevel
): Promise<TestUser[]> {
  const store = await openStore(config.DATABASE_URL)
  const { accounts, grants, personalTokens } = openAccounts({
    store,
    clock: systemClock,
    settings: {
      SECRETS_FILE: config.SECRETS_FILE,
      GOOGLE_ISSUER_URL: google.url,
      GOOGLE_CLIENT_ID: google.clientId,
      GOOGLE_CLIENT_SECRET: google.clientSecret
    }
  })
  const scopes = ['openid', 'email', ...googleScopesFor(level)]
  const users: TestUser[] = []
  for (const { email, sub = email } of google.users) {
    const userId = asUserId(sub)
    await accounts.admit({ userId, email, emailVerified: true, hd: undefined })
    await grants.put(userId, google.issueGrant(email, scopes).refreshToken, scopes)
    const { token } = await personalTokens.create({ userId, name: 'test', level })
    users.push({ email, sub, token })
  }
  await store.close()
  return users
}
