import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Provider } from 'oidc-provider'
import { answerWithPage } from './page-errors.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Keeps a gateway-wide @fastify/cors away from a route that answers preflights itself. */
    cors?: false
  }
}

/** Requests a minute from one network address. */
export interface SignInLimits {
  readonly register: number
  readonly authorize: number
  readonly token: number
  /** Consent and account pages, together. */
  readonly page: number
}

export const SIGN_IN_LIMITS: SignInLimits = { register: 10, authorize: 60, token: 120, page: 120 }

export interface ProviderRoutesParts {
  readonly provider: Provider
  readonly publicUrl: string
  readonly limits: SignInLimits
  readonly registersClients: boolean
}

const WINDOW_MS = 60_000

/**
 * Gives the authorization server's own endpoints to it. Register it encapsulated: the server reads the
 * request itself, so Fastify must not.
 */
export async function providerRoutes(
  scope: FastifyInstance,
  { provider, publicUrl, limits, registersClients }: ProviderRoutesParts
): Promise<void> {
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser('*', (_request, _payload, done) => done(null))

  scope.setErrorHandler(refuse)

  const { host, protocol } = new URL(publicUrl)
  const answer = provider.callback()
  const pass = (request: FastifyRequest, reply: FastifyReply): void => {
    pinAddress(request, host, protocol)
    reply.hijack()
    void answer(request.raw, reply.raw) // answers errors itself and never rejects
  }
  // The server answers cross-origin questions itself: any web page may be a client, none sends cookies.
  const open = { config: { cors: false } } as const
  const rate = (max: number) => ({
    config: { cors: false, rateLimit: { max, timeWindow: WINDOW_MS } } as const
  })

  for (const path of ['oauth-authorization-server', 'openid-configuration']) {
    scope.get(`/.well-known/${path}`, open, pass)
    scope.options(`/.well-known/${path}`, open, pass)
  }
  scope.get('/oauth/jwks', open, pass)
  scope.options('/oauth/jwks', open, pass)
  scope.get('/oauth/authorize', rate(limits.authorize), pass)
  scope.get('/oauth/authorize/:uid', rate(limits.authorize), pass)
  scope.post('/oauth/token', rate(limits.token), pass)
  scope.options('/oauth/token', open, pass)
  scope.post('/oauth/revoke', rate(limits.token), pass)
  scope.options('/oauth/revoke', open, pass)
  if (!registersClients) return
  scope.post('/oauth/register', rate(limits.register), (request, reply) => {
    reply.raw.setHeader('access-control-allow-origin', '*')
    pass(request, reply)
  })
  scope.options('/oauth/register', open, (_request, reply) =>
    reply
      .headers({
        'access-control-allow-origin': '*',
        'access-control-allow-methods': 'POST',
        'access-control-allow-headers': 'content-type, mcp-protocol-version'
      })
      .code(204)
      .send()
  )
}

/** Only the rate limit fails here: people see a page, clients an OAuth error. */
function refuse(error: FastifyError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (request.method === 'GET') return answerWithPage(error, request, reply)
  return reply
    .code(error.statusCode ?? 500)
    .send({ error: 'temporarily_unavailable', error_description: error.message })
}

/**
 * The server builds its addresses from the request. Whatever the client or a proxy claims, they are
 * those of the configured public address.
 */
function pinAddress({ raw }: FastifyRequest, host: string, protocol: string): void {
  raw.headers.host = host
  raw.headers['x-forwarded-host'] = host
  raw.headers['x-forwarded-proto'] = protocol.replace(':', '')
  delete raw.headers['x-forwarded-for']
}
