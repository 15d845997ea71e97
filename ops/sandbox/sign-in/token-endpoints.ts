import type { FastifyInstance, FastifyRequest } from 'fastify'
import * as z from 'zod'
import type { Account } from '../sandbox-user.ts'
import type { AccessToken } from './grants.ts'
import { identityClaims } from './identity.ts'
import { OAuthError } from './oauth-error.ts'
import type { Provider } from './provider.ts'

const TokenParameter = z.object({ token: z.string() })
const AccessTokenParameter = z.object({ access_token: z.string() })

/** The endpoints that say what a token is, or end it: userinfo, tokeninfo, revoke (RFC 7009). */
export function serveTokenEndpoints(app: FastifyInstance, provider: Provider): void {
  app.get('/v1/userinfo', { config: { operation: 'userinfo' } }, (request) => {
    const bearer = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? ''
    const { access, account } = find(provider, bearer, 'invalid_request', 401)
    return identityClaims(account, access.scopes)
  })

  app.get('/tokeninfo', { config: { operation: 'tokeninfo' } }, (request) => {
    const read = AccessTokenParameter.safeParse(request.query)
    const token = read.success ? read.data.access_token : ''
    const { access, account } = find(provider, token, 'invalid_token', 400)
    return {
      azp: access.clientId,
      aud: access.clientId,
      sub: account.sub,
      scope: access.scopes.join(' '),
      exp: `${Math.floor(access.expiresAt / 1000)}`,
      expires_in: `${Math.floor((access.expiresAt - provider.clock.now()) / 1000)}`,
      email: account.email,
      email_verified: `${account.emailVerified}`,
      access_type: 'offline'
    }
  })

  app.post('/revoke', { config: { operation: 'revoke' } }, (request) => {
    const read = TokenParameter.safeParse({ ...query(request), ...body(request) })
    if (!read.success)
      throw new OAuthError(400, 'invalid_request', 'Missing required parameter: token')
    if (!provider.grants.revoke(read.data.token)) {
      throw new OAuthError(400, 'invalid_token', 'Token expired or revoked')
    }
    return {}
  })
}

function find(
  { grants, accounts }: Provider,
  token: string,
  error: string,
  status: number
): { access: AccessToken; account: Account } {
  const access = grants.accessToken(token)
  const account = accounts.find(({ sub }) => sub === access?.sub)
  if (!access || !account) throw new OAuthError(status, error, 'Invalid Credentials')
  return { access, account }
}

const query = ({ query }: FastifyRequest) =>
  z.record(z.string(), z.unknown()).catch({}).parse(query)
const body = ({ body }: FastifyRequest) => z.record(z.string(), z.unknown()).catch({}).parse(body)
