import { createHash } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import * as z from 'zod'
import type { Account } from '../sandbox-user.ts'
import { checkClient } from './client-auth.ts'
import { identityClaims } from './identity.ts'
import { OAuthError } from './oauth-error.ts'
import type { Provider } from './provider.ts'
import { accessTokenHash } from './signing-key.ts'

const Body = z.object({
  grant_type: z.string().optional(),
  client_id: z.string().optional(),
  client_secret: z.string().optional(),
  code: z.string().optional(),
  redirect_uri: z.string().optional(),
  code_verifier: z.string().optional(),
  refresh_token: z.string().optional()
})

type TokenRequest = z.infer<typeof Body>

interface Issue {
  readonly account: Account
  readonly scopes: readonly string[]
  readonly nonce?: string | undefined
  readonly refreshToken?: string
}

/** Exchanges codes and refresh tokens for access tokens (RFC 6749 §4.1.3, §6; RFC 7636 §4.6). */
export function serveToken(app: FastifyInstance, provider: Provider): void {
  const exchanges: Record<string, (body: TokenRequest) => Issue> = {
    authorization_code: (body) => exchangeCode(provider, body),
    refresh_token: (body) => refresh(provider, body)
  }

  app.post('/token', { config: { operation: 'token' } }, async (request, reply) => {
    const read = Body.safeParse(request.body ?? {})
    if (!read.success) throw new OAuthError(400, 'invalid_request', 'A parameter is malformed.')
    checkClient(provider, request.headers.authorization, read.data)
    const exchange = exchanges[read.data.grant_type ?? '']
    if (!exchange) {
      throw new OAuthError(
        400,
        'unsupported_grant_type',
        `Invalid grant_type: ${read.data.grant_type ?? ''}`
      )
    }
    const issue = exchange(read.data)
    void reply.header('cache-control', 'no-cache, no-store, max-age=0, must-revalidate')
    return answer(provider, issue)
  })
}

function exchangeCode({ grants, client, accounts }: Provider, body: TokenRequest): Issue {
  if (body.code === undefined)
    throw new OAuthError(400, 'invalid_request', 'Missing required parameter: code')
  const content = grants.takeCode(body.code)
  if (!content || content.clientId !== client.id) throw invalidGrant('Malformed auth code.')
  if (content.redirectUri !== body.redirect_uri) {
    throw new OAuthError(400, 'redirect_uri_mismatch', 'Bad Request')
  }
  if (content.codeChallenge !== undefined) checkVerifier(content.codeChallenge, body.code_verifier)
  const { sub, scopes, nonce, withRefreshToken } = content
  const account = accountOf(accounts, sub)
  if (!withRefreshToken) return { account, scopes, nonce }
  return { account, scopes, nonce, refreshToken: grants.issueRefreshToken(sub, client.id, scopes) }
}

function refresh({ grants, client, accounts }: Provider, body: TokenRequest): Issue {
  if (body.refresh_token === undefined) {
    throw new OAuthError(400, 'invalid_request', 'Missing required parameter: refresh_token')
  }
  const found = grants.refreshToken(body.refresh_token, client.id)
  if (!found) throw invalidGrant('Token has been expired or revoked.')
  return { account: accountOf(accounts, found.sub), scopes: found.scopes }
}

async function answer(provider: Provider, { account, scopes, nonce, refreshToken }: Issue) {
  const { grants, client, key, clock } = provider
  const access = grants.issueAccessToken(account.sub, client.id, scopes)
  const now = Math.floor(clock.now() / 1000)
  const idToken = scopes.includes('openid')
    ? {
        id_token: await key.sign({
          iss: provider.issuer(),
          azp: client.id,
          aud: client.id,
          ...identityClaims(account, scopes),
          at_hash: accessTokenHash(access.token),
          ...(nonce === undefined ? {} : { nonce }),
          iat: now,
          exp: now + 3600
        })
      }
    : {}
  return {
    access_token: access.token,
    expires_in: grants.accessTokenSeconds - (grants.accessTokenSeconds > 60 ? 1 : 0),
    ...(refreshToken === undefined ? {} : { refresh_token: refreshToken }),
    scope: scopes.join(' '),
    token_type: 'Bearer',
    ...idToken
  }
}

function checkVerifier(challenge: string, verifier: string | undefined): void {
  if (verifier === undefined) throw invalidGrant('Missing code verifier.')
  const hash = createHash('sha256').update(verifier).digest('base64url')
  if (hash !== challenge) throw invalidGrant('Invalid code verifier.')
}

function accountOf(accounts: readonly Account[], sub: string): Account {
  const account = accounts.find((other) => other.sub === sub)
  if (!account) throw invalidGrant('Account has been deleted')
  return account
}

const invalidGrant = (description: string) => new OAuthError(400, 'invalid_grant', description)
