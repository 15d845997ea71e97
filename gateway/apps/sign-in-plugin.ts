import type { EventEmitter } from 'node:events'
import fastifyCookie from '@fastify/cookie'
import fastifyFormbody from '@fastify/formbody'
import fastifyRateLimit from '@fastify/rate-limit'
import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import type { AccessLevel } from '#shared/access-levels.ts'
import type { Clock } from '#shared/clock.ts'
import type { UserId } from '#shared/ids.ts'
import type { OperatorPolicy } from '#shared/tool-policy.ts'
import { createAccountSignIn } from '../account-page/finish-sign-in.ts'
import { accountRoutes } from '../account-page/routes.ts'
import type { NoteChange, TellAccountEvent } from '../accounts/account-change.ts'
import type { AccountChoices } from '../accounts/account-choices.ts'
import type { Accounts } from '../accounts/accounts.ts'
import type { AllowedPeople } from '../accounts/allow-list.ts'
import { createConnectionMailboxes } from '../accounts/connection-mailboxes.ts'
import type { GoogleGrants } from '../accounts/google-grants.ts'
import type { Google, GoogleProfile } from '../accounts/google-oidc.ts'
import type { Keyring } from '../accounts/keyring.ts'
import type { MailboxLinks } from '../accounts/mailbox-links.ts'
import type { PersonalTokens } from '../accounts/personal-tokens.ts'
import { rateLimitStoreOf } from '../http/rate-limit-store.ts'
import {
  type ClientDocumentsMode,
  createClientMetadataDocuments
} from '../oauth/client-metadata-documents.ts'
import { createConnectedClients } from '../oauth/connected-clients.ts'
import { consentRoutes } from '../oauth/consent-routes.ts'
import { createClientSignIn } from '../oauth/finish-authorization.ts'
import { mailboxChoiceRoutes } from '../oauth/mailbox-choice.ts'
import { protectedResourceRoutes } from '../oauth/protected-resource.ts'
import { createProvider, resourceOf } from '../oauth/provider.ts'
import { providerRoutes, SIGN_IN_LIMITS, type SignInLimits } from '../oauth/provider-routes.ts'
import { createSsrfSafeFetch, type WayOut } from '../oauth/ssrf-safe-fetch.ts'
import { startUpkeep, type UpkeepParts } from '../oauth/sweep-oauth-rows.ts'
import type { AccountSessions } from '../sessions/owned-sessions.ts'
import { createConfirmations } from '../sign-in/confirmations.ts'
import { createGoogleAuthFlow, GOOGLE_CALLBACK_PATH } from '../sign-in/google-auth-flow.ts'
import { createAccountSession } from '../sign-in/page-session.ts'
import type { Store } from '../store/store.ts'
import {
  finishToolSignIn,
  type ToolLinkParts,
  toolLinkRoutes
} from '../tool-sign-in/link-routes.ts'
import type { LinkedRequests } from '../tool-sign-in/linked-requests.ts'
import { noticePage } from '../web/notice-page.ts'
import { answerWithPage } from '../web/page-errors.ts'
import { createSealedCookies } from '../web/sealed-cookies.ts'
import { sendPage } from '../web/send-page.ts'
import type { ServiceIdentity } from '../web/service-identity.ts'
import { frontPage } from './front-page.ts'

export interface SignInParts {
  /** An origin, e.g. `https://mail.example.com`. */
  readonly publicUrl: string
  /** What the service is called, and whom its people may ask. */
  readonly service: Pick<ServiceIdentity, 'name' | 'contact'>
  readonly google: Google
  /** What a client gets that asks for nothing. */
  readonly defaultLevel: AccessLevel
  /** Whether clients may register themselves (RFC 7591); those with a metadata document need not. */
  readonly registersClients: boolean
  /** Whether they may name a metadata document instead. */
  readonly clientDocuments: ClientDocumentsMode
  /** How such documents are reached. */
  readonly wayOut?: WayOut
  /** Ms for which a refresh token that was used is accepted again; 0 for never. */
  readonly refreshGraceMs: number
  readonly accounts: Accounts
  readonly grants: GoogleGrants
  readonly keyring: Keyring
  readonly personalTokens: PersonalTokens
  readonly mailboxLinks: MailboxLinks
  /** What people choose for their tools, and what the operator allows of it. */
  readonly choices: AccountChoices
  readonly operatorPolicy: OperatorPolicy
  /** The choice of this person is another one: tell the worker. */
  readonly onPolicyChanged: (userId: UserId) => void
  readonly sessions: AccountSessions
  readonly store: Store
  readonly clock: Clock
  readonly isClockSettled?: UpkeepParts['isClockSettled']
  /** Whether the operator still lets the owner of an account in; everybody, if absent. */
  readonly allowsAccount?: AllowedPeople['allowsAccount']
  /** Whether the operator lets this person in. */
  readonly allowed: (profile: GoogleProfile) => boolean
  /** The stored grant of this account changed: drop cached tokens, tell the worker. */
  readonly onGrantChanged: (userId: UserId) => void
  /** Hears of sign-ins, refusals and consents. */
  readonly tell: TellAccountEvent
  /** Writes down what people change of their accounts. */
  readonly note: NoteChange
  /** Kept in order with the rows of sign-in. */
  readonly audit: UpkeepParts['audit']
  readonly sends: UpkeepParts['sends']
  /** Called before a person erases their account: stops its worker and ends its sessions. */
  readonly onErase: (userId: UserId) => Promise<void>
  /** What people asked for with sign-in tools; undefined where those are off. */
  readonly toolRequests?: LinkedRequests | undefined
  readonly limits?: SignInLimits
  /** Fetches client metadata documents in the place of the guarded fetch; for tests. */
  readonly fetchClientMetadata?: typeof globalThis.fetch
}

/**
 * Sign-in: `/.well-known/*`, `/oauth/*`, Google's redirect `/oauth2callback`, and `/account`. Register it without
 * fastify-plugin, so that its parsers, cookies and error pages stay its own.
 */
export const signIn: FastifyPluginAsync<SignInParts> = async (scope, parts) => {
  const { publicUrl, google, defaultLevel, registersClients, accounts, keyring, store, clock } =
    parts
  const limits = parts.limits ?? SIGN_IN_LIMITS
  const guarded = createSsrfSafeFetch(parts.wayOut)
  const documents = createClientMetadataDocuments({
    mode: parts.clientDocuments,
    fetch: parts.fetchClientMetadata ?? guarded.fetch,
    store,
    clock
  })
  const upkeep = startUpkeep({
    ...parts,
    failed: (err) => scope.log.error({ err }, 'the upkeep of stored rows failed')
  })
  scope.addHook('onClose', async () => {
    await upkeep.close()
    documents.close()
    await guarded.close()
  })
  const mailboxes = createConnectionMailboxes({ store, clock })
  const provider = createProvider({ ...parts, documents, mailboxes })
  // Connections that break under an answer end here; without a listener Koa prints them.
  const connection: EventEmitter = provider
  connection.on('error', (err) => scope.log.warn({ err }, 'an OAuth answer was cut off'))
  provider.on('server_error', (_ctx, err) => scope.log.error({ err }, 'the OAuth server failed'))

  await scope.register(fastifyRateLimit, { global: false, store: rateLimitStoreOf(clock) })
  await scope.register(fastifyCookie)
  await scope.register(protectedResourceRoutes, { publicUrl, defaultLevel })
  await scope.register(providerRoutes, { provider, publicUrl, limits, registersClients })

  const secure = publicUrl.startsWith('https:')
  const cookies = createSealedCookies({ keyring, clock, secure })
  const visits = createGoogleAuthFlow({ google, cookies, publicUrl })
  const session = createAccountSession({ cookies, accounts, store, clock })
  const service = { ...parts.service, host: new URL(publicUrl).host }
  const clients = createConnectedClients({ store, clock, resource: resourceOf(publicUrl) })
  const choiceParts = { ...parts, provider, cookies, mailboxes }
  const clientSignIn = createClientSignIn({ ...choiceParts, visits })
  const accountSignIn = createAccountSignIn({ ...parts, visits, session, cookies })

  const toolLink: ToolLinkParts | undefined = parts.toolRequests && {
    ...parts,
    requests: parts.toolRequests,
    visits,
    cookies
  }

  await scope.register(async (pages: FastifyInstance) => {
    await pages.register(fastifyFormbody)
    pages.setErrorHandler(answerWithPage)
    pages.addHook('onRequest', keepOpener)
    pages.addHook('onRequest', pages.rateLimit({ max: limits.page, timeWindow: 60_000 }))
    await pages.register(consentRoutes, {
      provider,
      google,
      visits,
      session,
      service,
      cookies,
      publicUrl,
      defaultLevel
    })
    await pages.register(mailboxChoiceRoutes, choiceParts)
    const confirmations = createConfirmations({ store, cookies, clock, publicUrl })
    const accountParts = { ...parts, service, clients, visits, session, cookies, confirmations }
    await pages.register(accountRoutes, accountParts)
    const front = frontPage(service, resourceOf(publicUrl))
    pages.get('/', async (_request, reply) => sendPage(reply, 200, front))
    if (toolLink) await pages.register(toolLinkRoutes, toolLink)
    pages.get(GOOGLE_CALLBACK_PATH, async (request, reply) => {
      const finished = await visits.take(request, reply)
      if (!finished) return sendPage(reply, 400, foreignVisit)
      const callback = new URL(request.url, publicUrl)
      const { visit, errand } = finished
      switch (errand.for) {
        case 'client':
          return clientSignIn.finish(reply, callback, visit, errand)
        case 'account':
          return accountSignIn.finish(reply, callback, visit, errand)
        case 'tool':
          return toolLink
            ? finishToolSignIn(toolLink, reply, callback, visit, errand)
            : sendPage(reply, 400, foreignVisit)
      }
    })
  })
}

/**
 * Web clients sign in through a popup whose last page tells the opener; a stricter policy on any page
 * or redirect in between would cut the two apart for good.
 */
const keepOpener = async (_request: FastifyRequest, reply: FastifyReply): Promise<void> => {
  reply.header('cross-origin-opener-policy', 'unsafe-none')
}

const foreignVisit = noticePage({
  title: 'This sign-in did not begin here',
  text: [
    'This link was opened in another browser than the one that began the sign-in, was used before, or is too old (invalid_state). Nothing was granted.',
    'If somebody sent you this link, do not follow it. Otherwise start again in your application.'
  ]
})
