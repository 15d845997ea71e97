import type { Clock } from '#shared/clock.ts'
import { GatewayError } from '#shared/errors.ts'
import { ToolError } from '#shared/tool-error.ts'
import { isAllowed } from '../../gateway/accounts/allow-list.ts'
import { openAccounts } from '../../gateway/accounts/open-accounts.ts'
import type { Config } from '../../gateway/config/config.ts'
import { admitAccount } from '../../gateway/sign-in/admit-account.ts'
import { openStore } from '../../gateway/store/store.ts'
import type { AccessTokens } from '../../worker/gmail/access-token-source.ts'
import { type LoopbackSignIn, openLoopbackSignIn } from './loopback-sign-in.ts'

export interface LocalAccount {
  /** Whose mailbox it is; the address is empty until the person has signed in. */
  readonly account: { readonly email: string }
  /** Tokens of the signed-in person; before that each request answers with the link to sign in. */
  readonly tokens: AccessTokens
  /** Opens the browser and resolves when the person has signed in. */
  signIn(): Promise<void>
  /** May be called more than once. */
  close(): Promise<void>
}

/** The one person of this machine's user, from the local store. */
export async function openLocalAccount(
  config: Config,
  clock: Clock,
  say: (line: string) => void
): Promise<LocalAccount> {
  const store = await openStore(config.DATABASE_URL)
  const { accounts, grants, google, broker } = openAccounts({
    store,
    clock,
    settings: config,
    onNeedsReauth: () => say('Google no longer accepts the sign-in; sign in again.')
  })
  const account = { email: '' }
  let person = (await accounts.list()).find(({ state }) => state === 'active')
  account.email = person?.email ?? ''
  let visit: Promise<LoopbackSignIn> | undefined

  const begin = (): Promise<LoopbackSignIn> => {
    visit ??= openLoopbackSignIn({
      google,
      port: config.CALLBACK_PORTS[0] ?? 0,
      level: config.DEFAULT_LEVEL,
      say,
      admit: async (arrival) => {
        const admitted = await admitAccount(
          {
            accounts,
            grants,
            allowed: (profile) =>
              isAllowed(
                { emails: config.ALLOWED_EMAILS, domains: config.ALLOWED_DOMAINS },
                profile
              ),
            onGrantChanged: (userId) => broker.forget(userId),
            tell() {}
          },
          {
            ...arrival,
            ...{ wanted: config.DEFAULT_LEVEL, consentForced: true },
            ...{ through: 'stdio', requestId: '' }
          }
        )
        if (admitted.kind !== 'admitted') return false
        person = await accounts.find(admitted.userId)
        account.email = person?.email ?? ''
        visit = undefined
        return true
      }
    })
    return visit
  }

  return {
    account,
    async signIn() {
      await (await begin()).done
      say(`Signed in as ${account.email}.`)
    },
    tokens: {
      async get(force) {
        if (!person) throw await askToSignIn(begin())
        try {
          return await broker.accessToken(person.userId, { force })
        } catch (error) {
          if (!(error instanceof GatewayError) || error.code !== 'ERR_NEEDS_REAUTH') throw error
          person = undefined
          throw await askToSignIn(begin())
        }
      }
    },
    async close() {
      await (await visit)?.close()
      await store.close()
    }
  }
}

async function askToSignIn(visit: Promise<LoopbackSignIn>): Promise<ToolError> {
  const { url } = await visit
  return new ToolError('needs_reauth', `Open ${url} in a browser on this machine, then try again.`)
}
