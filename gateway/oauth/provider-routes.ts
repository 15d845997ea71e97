import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Provider } from 'oidc-provider'
import { GatewayError } from '#shared/errors.ts'
import { answerWithPage } from '../web/page-errors.ts'
import { resourceOf } from './provider.ts'
import { settleResource } from './resource-indicator.ts'
import { settledTokenRequest } from './token-request.ts'

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
/** An authorization request is stored until it is decided; a real one has less than 2 KB. */
const LONGEST_REQUEST = 8 * 1024
/** Of a token request. */
const LONGEST_FORM = 32 * 1024

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

  const resource = resourceOf(publicUrl)
  const { host, protocol } = new URL(publicUrl)
  const answer = provider.callback()
  const pass = (request: FastifyRequest, reply: FastifyReply): void => {
    pinAddress(request, host, protocol)
    reply.hijack()
    void answer(request.raw, reply.raw) // answers errors itself and never rejects
  }
  // Forms are read here, so that a wrong `resource` is found before anything is spent.
  scope.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'buffer', bodyLimit: LONGEST_FORM },
    (_request, body, done) => done(null, body)
  )
  const passForm = (request: FastifyRequest, reply: FastifyReply): FastifyReply | undefined => {
    if (!(request.body instanceof Buffer)) {
      pass(request, reply)
      return undefined
    }
    pinAddress(request, host, protocol)
    const settled = settledTokenRequest(request.raw, request.body, resource)
    if (!settled) return refuseResource(request, reply, resource)
    reply.hijack()
    void answer(settled, reply.raw) // as above
    return undefined
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
  scope.get('/oauth/authorize', rate(limits.authorize), (request, reply) => {
    const asked = new URL(request.url, publicUrl)
    if (asked.search.length > LONGEST_REQUEST) {
      const tooLong = new GatewayError('ERR_SIGN_IN', 'The request of the application is too long.')
      return answerWithPage(tooLong, request, reply)
    }
    if (asked.searchParams.has('resource')) {
      settleResource(asked.searchParams, resource)
      request.raw.url = `${asked.pathname}${asked.search}`
    }
    return pass(request, reply)
  })
  scope.get('/oauth/authorize/:uid', rate(limits.authorize), pass)
  scope.post('/oauth/token', rate(limits.token), passForm)
  scope.options('/oauth/token', open, pass)
  scope.post('/oauth/revoke', rate(limits.token), passForm)
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

/** As the server itself answers errors (RFC 6749 §5.2), to any web page that may be a client. */
function refuseResource(
  { headers: { origin } }: FastifyRequest,
  reply: FastifyReply,
  resource: string
): FastifyReply {
  if (origin !== undefined)
    reply.header('access-control-allow-origin', origin).header('vary', 'origin')
  return reply
    .code(400)
    .header('cache-control', 'no-store')
    .send({ error: 'invalid_target', error_description: `tokens are issued for ${resource} alone` })
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
