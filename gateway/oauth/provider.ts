import { type Configuration, errors, interactionPolicy, Provider } from 'oidc-provider'
import { ACCESS_LEVELS } from '#shared/access-levels.ts'
import type { Clock } from '#shared/clock.ts'
import { asUserId } from '#shared/ids.ts'
import type { Accounts } from '../accounts/accounts.ts'
import type { AllowedPeople } from '../accounts/allow-list.ts'
import type { ConnectionMailboxes } from '../accounts/connection-mailboxes.ts'
import type { Keyring } from '../accounts/keyring.ts'
import type { Store } from '../store/store.ts'
import { keepErrorsHere, renderError } from './authorize-errors.ts'
import type { ClientDocumentsMode, ClientMetadataDocuments } from './client-metadata-documents.ts'
import { type ClaimedClient, reduceClient } from './client-metadata-policy.ts'
import { oidcAdapter } from './oidc-adapter.ts'

export interface ProviderParts {
  /** The issuer; also the origin of every endpoint. */
  readonly publicUrl: string
  readonly keyring: Keyring
  readonly store: Store
  readonly accounts: Pick<Accounts, 'find'>
  /** Whether the operator lets the owner of an account in; everybody, if absent. */
  readonly allowsAccount?: AllowedPeople['allowsAccount']
  readonly clock: Clock
  /** Which mailboxes a connection was made with. */
  readonly mailboxes: Pick<ConnectionMailboxes, 'chosenFor'>
  /** Whether clients may register themselves; one that has done so stays either way. */
  readonly registersClients: boolean
  /** Ms for which a refresh token that was used is accepted again; 0 for never. */
  readonly refreshGraceMs: number
  readonly clientDocuments: ClientDocumentsMode
  readonly documents: Pick<ClientMetadataDocuments, 'fetch' | 'isOffered'>
}

/** Seconds. */
const LIFE = {
  code: 60,
  accessToken: 600,
  /** Slides: every use issues a new one. */
  refreshToken: 30 * 86_400,
  grant: 365 * 86_400,
  interaction: 1800
} as const

/** The page where a person decides about the sign-in `uid`. */
export const consentPath = (uid: string): string => `/oauth/consent/${uid}`

/** The resource that every token of this server is for (RFC 8707). */
export const resourceOf = (publicUrl: string): string => `${publicUrl}/mcp`

/**
 * Our OAuth 2.1 authorization server: public clients with PKCE S256, opaque tokens for `/mcp` alone,
 * rotating refresh tokens whose reuse ends the family, registration by metadata document or RFC 7591.
 */
export function createProvider(parts: ProviderParts): Provider {
  const { publicUrl, keyring, store, clock } = parts
  const secure = publicUrl.startsWith('https:')
  const cookies = { signed: true, secure, httpOnly: true, sameSite: 'lax' } as const
  const provider = new Provider(publicUrl, {
    adapter: oidcAdapter({ store, clock, refreshGraceMs: parts.refreshGraceMs }),
    jwks: { keys: keyring.signing.map((key) => ({ ...key })) },
    cookies: {
      keys: [...keyring.cookies],
      names: {
        session: secure ? '__Host-oauth-session' : 'oauth-session',
        interaction: secure ? '__Secure-consent' : 'consent',
        resume: secure ? '__Secure-resume' : 'resume'
      },
      long: cookies,
      short: cookies
    },
    fetch: parts.documents.fetch,
    routes: {
      authorization: '/oauth/authorize',
      token: '/oauth/token',
      registration: '/oauth/register',
      revocation: '/oauth/revoke',
      jwks: '/oauth/jwks'
    },
    interactions: { url: (_ctx, { uid }) => consentPath(uid), policy: alwaysAsk() },
    scopes: ['openid', 'offline_access'],
    responseTypes: ['code'],
    pkce: { required: () => true },
    clientAuthMethods: ['none'],
    clientDefaults: {
      application_type: 'native',
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      id_token_signed_response_alg: 'ES256'
    },
    clientBasedCORS: () => true,
    extraClientMetadata: {
      properties: ['token_endpoint_auth_methods_supported'],
      validator: (_ctx, _key, _value, metadata) => reduceClient(metadata as ClaimedClient)
    },
    discovery: { service_documentation: `${publicUrl}/account` },
    features: features(parts),
    extraTokenClaims: async (_ctx, token) => {
      const grantId = 'grantId' in token ? token.grantId : undefined
      const mailboxes = grantId === undefined ? undefined : await parts.mailboxes.chosenFor(grantId)
      return mailboxes && { mailboxes }
    },
    findAccount: (_ctx, id) => findAccount(parts, id),
    issueRefreshToken: (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    rotateRefreshToken: true,
    expiresWithSession: () => false,
    ttl: {
      AccessToken: LIFE.accessToken,
      AuthorizationCode: LIFE.code,
      Grant: LIFE.grant,
      IdToken: LIFE.accessToken,
      Interaction: LIFE.interaction,
      RefreshToken: LIFE.refreshToken,
      Session: LIFE.code
    },
    renderError
  })
  // Only the values that the mount sets are trusted: they come from the configured address.
  provider.proxy = true
  // Every sign-in asks the person and Google anew, so nothing may outlive it in the browser.
  keepErrorsHere(provider)
  nameWhatIsOffered(provider, parts.documents)
  provider.on('authorization.success', ({ oidc }) => {
    if (oidc.session) Object.assign(oidc.session, { destroyed: true })
  })
  return provider
}

function features({
  publicUrl,
  registersClients,
  clientDocuments
}: ProviderParts): Configuration['features'] {
  const resource = resourceOf(publicUrl)
  return {
    clientIdMetadataDocument: { enabled: clientDocuments !== 'off', ack: 'draft-02' },
    devInteractions: { enabled: false },
    dPoP: { enabled: false },
    pushedAuthorizationRequests: { enabled: false },
    registration: { enabled: registersClients, issueRegistrationAccessToken: false },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => resource,
      useGrantedResource: () => true,
      getResourceServerInfo(_ctx, asked) {
        if (asked !== resource) throw new errors.InvalidTarget()
        return {
          scope: ACCESS_LEVELS.join(' '),
          audience: resource,
          accessTokenFormat: 'opaque',
          accessTokenTTL: LIFE.accessToken
        }
      }
    },
    revocation: {
      enabled: true,
      allowedPolicy: (_ctx, client, token) => token.clientId === client.clientId
    },
    rpInitiatedLogout: { enabled: false },
    userinfo: { enabled: false }
  }
}

/** Each client is asked about each time (MCP security best practices): no consent is remembered. */
function alwaysAsk(): interactionPolicy.Prompt[] {
  const { Check, Prompt } = interactionPolicy
  return [
    new Prompt(
      { name: 'login', requestable: true },
      new Check('no_login', 'the person has to sign in', ({ oidc }) => !oidc.result?.login)
    ),
    new Prompt(
      { name: 'consent', requestable: true },
      new Check('no_consent', 'the person has to consent', ({ oidc }) => !oidc.result?.consent)
    ),
    // The sign-in at Google chooses the account; a client may ask for it by name.
    new Prompt({ name: 'select_account', requestable: true })
  ]
}

/** Codes and refresh tokens of an account that is blocked, no longer allowed or gone are refused. */
async function findAccount({ accounts, allowsAccount }: ProviderParts, id: string) {
  const account = await accounts.find(asUserId(id))
  if (account?.state !== 'active' || allowsAccount?.(account) === false) return undefined
  return { accountId: id, claims: () => ({ sub: id }) }
}

/**
 * The metadata (RFC 8414 §2) names the one response mode that is offered, and client documents only while they can be
 * fetched; the provider names all that it knows.
 */
function nameWhatIsOffered(
  provider: Provider,
  documents: Pick<ClientMetadataDocuments, 'isOffered'>
): void {
  provider.use(async (ctx, next) => {
    await next()
    const { body } = ctx
    if (!ctx.path.startsWith('/.well-known/') || typeof body !== 'object' || body === null) return
    Object.assign(body, { response_modes_supported: ['query'] })
    if ('client_id_metadata_document_supported' in body && !documents.isOffered())
      delete body.client_id_metadata_document_supported
  })
}
