import type { FastifyPluginAsync } from 'fastify'
import * as z from 'zod'
import { AccessLevel, levelGrantedBy } from '#shared/access-levels.ts'
import type { Clock } from '#shared/clock.ts'
import type { UserId } from '#shared/ids.ts'
import type { OperatorPolicy } from '#shared/tool-policy.ts'
import type { NoteChange } from '../accounts/account-change.ts'
import type { AccountChoices } from '../accounts/account-choices.ts'
import type { Accounts } from '../accounts/accounts.ts'
import type { Google } from '../accounts/google-oidc.ts'
import type { MailboxLinks } from '../accounts/mailbox-links.ts'
import type { PersonalTokens } from '../accounts/personal-tokens.ts'
import type { ConnectedClients } from '../oauth/connected-clients.ts'
import { resourceOf } from '../oauth/provider.ts'
import type { AccountSessions } from '../sessions/owned-sessions.ts'
import { ACCOUNT_PATH, type Confirmations } from '../sign-in/confirmations.ts'
import type { GoogleAuthFlow } from '../sign-in/google-auth-flow.ts'
import type { AccountSession, PageUser } from '../sign-in/page-session.ts'
import { requireOwnForm } from '../web/csrf.ts'
import { noticePage } from '../web/notice-page.ts'
import type { SealedCookies } from '../web/sealed-cookies.ts'
import { sendPage } from '../web/send-page.ts'
import type { ServiceIdentity } from '../web/service-identity.ts'
import { accountPage, signInPage } from './account-page.ts'
import { confirmRoutes } from './confirm-routes.ts'
import { accountSubject } from './finish-sign-in.ts'
import { mailboxRoutes } from './mailbox-routes.ts'
import { personalTokenRoutes } from './personal-token-routes.ts'
import { endingRoutes } from './revoke-routes.ts'
import { signedInForm } from './signed-in-form.ts'
import { toolChoiceRoutes } from './tool-choice-routes.ts'

export interface AccountRoutesParts {
  readonly accounts: Accounts
  readonly clients: ConnectedClients
  readonly mailboxLinks: MailboxLinks
  readonly personalTokens: PersonalTokens
  readonly choices: AccountChoices
  readonly confirmations: Confirmations
  readonly operatorPolicy: OperatorPolicy
  readonly onPolicyChanged: (userId: UserId) => void
  readonly sessions: AccountSessions
  readonly google: Pick<Google, 'origin'>
  readonly visits: GoogleAuthFlow
  readonly session: AccountSession
  readonly cookies: SealedCookies
  readonly clock: Clock
  readonly publicUrl: string
  readonly service: ServiceIdentity
  readonly defaultLevel: AccessLevel
  readonly note: NoteChange
  /** Called before an account is erased: stops its worker and ends its sessions. */
  readonly onErase: (userId: UserId) => Promise<void>
}

const Level = z.object({ level: AccessLevel })
const Confirmed = z.object({ confirm: z.literal('yes') })

/** `/account`: what a person allowed, with a way to end each of it. */
export const accountRoutes: FastifyPluginAsync<AccountRoutesParts> = async (scope, parts) => {
  const { accounts, clients, personalTokens, sessions, session, cookies, visits } = parts
  const { publicUrl, google } = parts
  const formSubject = (visitor: PageUser | undefined) => accountSubject(visitor?.userId)

  /** The level that the stored Google grant allows; undefined without one. */
  const grantedLevel = async (userId: UserId) =>
    levelGrantedBy(await accounts.grantedScopes(userId))

  const act = signedInForm({ session, cookies, publicUrl, subject: formSubject })

  scope.get(ACCOUNT_PATH, async (request, reply) => {
    const visitor = await session.find(request)
    const formToken = cookies.formToken(formSubject(visitor))
    const googleOrigin = google.origin
    const { service } = parts
    if (!visitor) return sendPage(reply, 200, signInPage({ service, formToken, googleOrigin }))
    const { userId, email } = visitor
    const granted = await grantedLevel(userId)
    const page = accountPage({
      service,
      mcpUrl: resourceOf(publicUrl),
      email,
      state: (await accounts.find(userId))?.state,
      granted,
      clients: await clients.list(userId),
      sessions: await sessions.list(userId),
      tokens: await personalTokens.list(userId),
      operator: parts.operatorPolicy,
      chosen: await parts.choices.policyOf(userId),
      waiting: await parts.confirmations.waiting(userId),
      defaultLevel: parts.defaultLevel,
      mailboxes: await parts.mailboxLinks.of(userId),
      users: await parts.mailboxLinks.usersOf(userId),
      formToken,
      googleOrigin
    })
    return sendPage(reply, 200, page)
  })

  scope.post(`${ACCOUNT_PATH}/sign-in`, async (request, reply) => {
    requireOwnForm(request, { cookies, publicUrl, subject: formSubject(undefined) })
    return visits.begin(reply, { for: 'account', consentForced: false })
  })

  scope.post(
    `${ACCOUNT_PATH}/connect`,
    act(async ({ email }, request, reply) => {
      const { level } = Level.parse(request.body)
      await visits.begin(reply, { for: 'account', level, consentForced: false }, email)
    })
  )

  await scope.register(endingRoutes, { ...parts, act })
  await scope.register(mailboxRoutes, { ...parts, act, grantedLevel })
  await scope.register(toolChoiceRoutes, { ...parts, act })
  await scope.register(confirmRoutes, { ...parts, act, subject: accountSubject })
  await scope.register(personalTokenRoutes, { ...parts, act, grantedLevel })

  scope.post(
    `${ACCOUNT_PATH}/erase`,
    act(async ({ userId }, request, reply) => {
      Confirmed.parse(request.body)
      const { id: requestId } = request
      await parts.note({ userId, action: 'erase_account', target: 'account', requestId })
      await parts.onErase(userId)
      const { revokedAtGoogle } = await accounts.erase(userId)
      await session.end(request, reply)
      return sendPage(reply, 200, revokedAtGoogle ? ERASED : ERASED_HERE)
    })
  )

  scope.post(
    `${ACCOUNT_PATH}/sign-out`,
    act(async (_visitor, request, reply) => session.end(request, reply))
  )
}

const ERASED = noticePage({
  title: 'Everything is erased',
  text: [
    'Your access at Google was revoked, and your account, tokens and sessions here are gone.',
    'Applications that were connected must ask you again.'
  ]
})

const ERASED_HERE = noticePage({
  title: 'Everything is erased here',
  text: [
    'Your account, tokens and sessions here are gone, but Google could not be told.',
    'Please remove this gateway at myaccount.google.com/connections.'
  ]
})
