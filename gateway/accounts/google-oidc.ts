import * as oidc from 'openid-client'
import * as z from 'zod'
import type { Clock } from '#shared/clock.ts'
import { GatewayError } from '#shared/errors.ts'
import { asUserId, type UserId } from '#shared/ids.ts'

/** An access token of Google and what it allows. */
export interface GoogleAccess {
  readonly accessToken: string
  /** Milliseconds since the epoch. */
  readonly expiresAt: number
  /** Undefined when the answer does not say: then nothing has changed. */
  readonly scopes: readonly string[] | undefined
  /** Present when Google issued one; it replaces the stored one. */
  readonly refreshToken: string | undefined
}

/** Who signed in, as Google's id token says. */
export interface GoogleProfile {
  readonly userId: UserId
  readonly email: string
  readonly emailVerified: boolean
  /** The Workspace domain; undefined for ordinary accounts. */
  readonly hd: string | undefined
}

/** The secrets of one visit to Google; kept in the browser's sealed cookie until it returns. */
export interface FlowSecrets {
  readonly state: string
  readonly nonce: string
  readonly verifier: string
}

interface GoogleVisitOptions {
  readonly redirectUri: string
  readonly scopes: readonly string[]
  /** Asks again even when Google remembers a consent; only then a refresh token is certain to come. */
  readonly forceConsent: boolean
  /** Has the person say who they are even when Google knows it and `loginHint` names them. */
  readonly askWho?: boolean | undefined
  /** Preselects this account. */
  readonly loginHint?: string | undefined
}

/** Google's sign-in. Every method rejects with ERR_UPSTREAM while Google cannot be reached. */
export interface Google {
  /** Where the browser goes to sign in, without a path. */
  readonly origin: string
  /** The address that the browser goes to, and the visit that must come back with it. */
  beginVisit(options: GoogleVisitOptions): Promise<{ url: string; visit: FlowSecrets }>
  /**
   * Checks state, nonce, verifier, signature, issuer and audience. `callbackUrl` as Google called it.
   * Rejects with ERR_SIGN_IN when the answer or its code is not good for this visit.
   */
  finishVisit(
    callbackUrl: URL,
    visit: FlowSecrets
  ): Promise<{ profile: GoogleProfile; access: GoogleAccess }>
  /** `'refused'` when the grant is dead (RFC 6749 §5.2 `invalid_grant`). */
  refresh(refreshToken: string): Promise<GoogleAccess | 'refused'>
  /** Ends the whole grant at Google (RFC 7009). A token that is dead already is no error. */
  revoke(token: string): Promise<void>
}

export interface GoogleOptions {
  /** `https://accounts.google.com`; http only for a loopback stand-in. */
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string
  readonly clock: Clock
}

const TIMEOUT_SECONDS = 10
/** A client that waits should ask again about then. */
const RETRY_SECONDS = 5

const Profile = z.object({
  sub: z.string().min(1).max(255),
  email: z.string().min(3).max(320),
  email_verified: z.boolean().default(false),
  hd: z.string().min(1).optional()
})

/**
 * Google through its discovery document, which is fetched on first use and again after a failure, so
 * that the gateway starts while Google is away. Throws ERR_CONFIG for an issuer that is not safe.
 */
export function createGoogle({ issuer, clientId, clientSecret, clock }: GoogleOptions): Google {
  const server = safeIssuer(issuer)
  const insecure = server.protocol === 'http:'
  let discovered: Promise<oidc.Configuration> | undefined

  const configuration = (): Promise<oidc.Configuration> => {
    discovered ??= oidc
      .discovery(server, clientId, clientSecret, undefined, {
        timeout: TIMEOUT_SECONDS,
        ...(insecure ? { execute: [oidc.allowInsecureRequests] } : {})
      })
      .catch((cause: unknown) => {
        discovered = undefined
        throw unreachable(cause)
      })
    return discovered
  }

  const toAccess = (answer: oidc.TokenEndpointResponse): GoogleAccess => ({
    accessToken: answer.access_token,
    expiresAt: clock.now() + (answer.expires_in ?? 0) * 1000,
    scopes: answer.scope?.split(' ').filter((scope) => scope !== ''),
    refreshToken: answer.refresh_token
  })

  return {
    origin: server.origin,

    async beginVisit({ redirectUri, scopes, forceConsent, askWho, loginHint }) {
      const visit = {
        state: oidc.randomState(),
        nonce: oidc.randomNonce(),
        verifier: oidc.randomPKCECodeVerifier()
      }
      const url = oidc.buildAuthorizationUrl(await configuration(), {
        redirect_uri: redirectUri,
        scope: ['openid', 'email', ...scopes].join(' '),
        state: visit.state,
        nonce: visit.nonce,
        code_challenge: await oidc.calculatePKCECodeChallenge(visit.verifier),
        code_challenge_method: 'S256',
        // Whoever only looks at the account page gives nothing that lasts.
        ...(scopes.length > 0 ? { access_type: 'offline', include_granted_scopes: 'true' } : {}),
        // People with several accounts choose one each time, unless we know which it is.
        prompt: [
          ...(forceConsent ? ['consent'] : []),
          ...(loginHint === undefined || askWho ? ['select_account'] : [])
        ].join(' '),
        ...(loginHint === undefined ? {} : { login_hint: loginHint })
      })
      return { url: url.href, visit }
    },

    async finishVisit(callbackUrl, visit) {
      const google = await configuration()
      try {
        const answer = await oidc.authorizationCodeGrant(google, callbackUrl, {
          pkceCodeVerifier: visit.verifier,
          expectedState: visit.state,
          expectedNonce: visit.nonce,
          idTokenExpected: true
        })
        return { profile: toProfile(answer.claims()), access: toAccess(answer) }
      } catch (cause) {
        throw isBadVisit(cause) ? badVisit(cause) : unreachable(cause)
      }
    },

    async refresh(refreshToken) {
      const google = await configuration()
      try {
        return toAccess(await oidc.refreshTokenGrant(google, refreshToken))
      } catch (cause) {
        if (cause instanceof oidc.ResponseBodyError && cause.error === 'invalid_grant') {
          return 'refused'
        }
        throw unreachable(cause)
      }
    },

    async revoke(token) {
      const google = await configuration()
      try {
        await oidc.tokenRevocation(google, token)
      } catch (cause) {
        if (cause instanceof oidc.ResponseBodyError && cause.error === 'invalid_token') return
        throw unreachable(cause)
      }
    }
  }
}

function safeIssuer(issuer: string): URL {
  const url = URL.parse(issuer)
  const isLoopback = url && ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname)
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback)) return url
  throw new GatewayError(
    'ERR_CONFIG',
    "Google's issuer must be an https address; http only on this machine."
  )
}

const toProfile = (claims: unknown): GoogleProfile => {
  const { sub, email, email_verified, hd } = Profile.parse(claims)
  return { userId: asUserId(sub), email, emailVerified: email_verified, hd }
}

/** Google answered, and the answer says that this visit is not good; everything else is an outage. */
function isBadVisit(cause: unknown): boolean {
  if (cause instanceof oidc.ResponseBodyError) return cause.status < 500
  if (cause instanceof oidc.AuthorizationResponseError) return true
  return cause instanceof oidc.ClientError && BAD_VISIT_CODES.has(cause.code ?? '')
}

const BAD_VISIT_CODES = new Set([
  'OAUTH_INVALID_RESPONSE',
  'OAUTH_JWT_CLAIM_COMPARISON_FAILED',
  'OAUTH_JWT_TIMESTAMP_CHECK_FAILED'
])

const badVisit = (cause: unknown) =>
  new GatewayError('ERR_SIGN_IN', 'This sign-in is no longer valid. Please start again.', { cause })

const unreachable = (cause: unknown) =>
  new GatewayError('ERR_UPSTREAM', 'Google did not answer the sign-in as expected.', {
    cause,
    retryAfter: RETRY_SECONDS
  })
