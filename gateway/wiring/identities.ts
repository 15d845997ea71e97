/** Who people are: accounts, tokens, and what a worker is told of its person. */

import { systemClock } from '#shared/clock.ts'
import { GatewayError } from '#shared/errors.ts'
import { isAnonymous, type UserId } from '#shared/ids.ts'
import { OPEN_POLICY } from '#shared/tool-policy.ts'
import { createLiveness } from '../accounts/access-liveness.ts'
import type { AllowedPeople } from '../accounts/allow-list.ts'
import { type BearerTokens, createBearerTokens } from '../accounts/bearer-tokens.ts'
import { createDoubtfulAccess } from '../accounts/doubtful-access.ts'
import { type OpenAccounts, openAccounts } from '../accounts/open-accounts.ts'
import { rememberCallers } from '../accounts/remembered-callers.ts'
import { type Config, operatorPolicy } from '../config/config.ts'
import type { GoogleReachability } from '../health/google-reachability.ts'
import { createConnectedClients } from '../oauth/connected-clients.ts'
import { createConfirmations } from '../sign-in/confirmations.ts'
import type { Store } from '../store/store.ts'
import type { Assignment } from '../supervisor/assigned-worker.ts'
import type { Events } from '../telemetry/events.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import {
  createToolSignIn,
  type ToolSignIn,
  type ToolSignInParts
} from '../tool-sign-in/tool-sign-in.ts'
import { createSealedCookies } from '../web/sealed-cookies.ts'

/** Accounts, their grants and keys, with what follows when one of them is lost. */
export const accountsOver = (
  settings: Config,
  store: Store,
  metrics: Metrics,
  { events, google: reach }: { readonly events: Events; readonly google: GoogleReachability },
  on: { stop(userId: UserId): void; lost(): void }
): OpenAccounts =>
  openAccounts({
    store,
    clock: systemClock,
    settings,
    onNeedsReauth(userId) {
      metrics.gmail.reauthRequired.inc({})
      events.tell('reauth_required', { userId }, 'warn')
      on.stop(userId)
    },
    onRefresh(result) {
      metrics.gmail.refreshes.inc({ result })
      if (result === 'vault') on.lost()
      else if (result === 'upstream') reach.failed()
      else reach.answered()
    }
  })

/** Judges the tokens of calls. */
export const tokensFor = (
  { PUBLIC_URL }: Config,
  store: Store,
  { personalTokens }: OpenAccounts,
  { allowedPeople, goesOn }: { allowedPeople: AllowedPeople; goesOn(userId: UserId): boolean }
): BearerTokens => {
  const tokens = createBearerTokens({
    store,
    personalTokens,
    allowsAccount: (account) => allowedPeople.allowsAccount(account),
    clock: systemClock,
    resource: `${PUBLIC_URL}/mcp`
  })
  return rememberCallers({ tokens, clock: systemClock, goesOn })
}

/** Pages on which a person says yes to what a worker asks. */
export const confirmationsOf = (
  { PUBLIC_URL: publicUrl }: Config,
  store: Store,
  { keyring }: OpenAccounts
) => {
  const clock = systemClock
  const cookies = createSealedCookies({ keyring, clock, secure: publicUrl.startsWith('https:') })
  return createConfirmations({ store, cookies, clock, publicUrl })
}

/** Asks of many accesses together, where asking is a round to another machine. */
export const doubtfulOf = (store: Store) =>
  store.terms.engine === 'postgres'
    ? createDoubtfulAccess({ store, clock: systemClock })
    : undefined

/** What the worker of this person is told of them. Throws ERR_NEEDS_REAUTH for somebody without an account. */
export async function assignmentOf(
  userId: UserId,
  { accounts, grants, choices }: OpenAccounts,
  config: Config
): Promise<Assignment> {
  const operator = operatorPolicy(config)
  if (isAnonymous(userId)) {
    const policy = { ...OPEN_POLICY, operator }
    return { email: '', googleScopes: [], policy, signIn: 'only' }
  }
  const account = await accounts.find(userId)
  if (!account) throw new GatewayError('ERR_NEEDS_REAUTH', 'This account is not connected.')
  const googleScopes = await grants.scopes(userId)
  const policy = { operator, person: await choices.policyOf(userId) }
  const signIn = config.SIGN_IN_BY_TOOL ? 'offered' : undefined
  return { email: account.email, googleScopes, policy, signIn }
}

/** Sign-in by tools, for clients without OAuth; undefined where it is off. */
export function toolSignInOf(
  store: Store,
  parts: Omit<ToolSignInParts, 'clients' | 'clock' | 'isLive'>
): ToolSignIn | undefined {
  if (!parts.config.SIGN_IN_BY_TOOL) return undefined
  const clock = systemClock
  const resource = `${parts.config.PUBLIC_URL}/mcp`
  const clients = createConnectedClients({ store, clock, resource })
  const isLive = createLiveness({ ...parts.accounts, store, clock })
  return createToolSignIn({ ...parts, clock, clients, isLive })
}
