import formbody from '@fastify/formbody'
import type { FastifyInstance } from 'fastify'
import type { Faults } from '../faults.ts'
import { GoogleError } from '../google-error.ts'
import { injectFaults } from '../inject-faults.ts'
import { serveAuthorize } from './authorize.ts'
import { serveDiscovery } from './discovery.ts'
import { OAuthError } from './oauth-error.ts'
import type { Provider } from './provider.ts'
import { serveToken } from './token.ts'
import { serveTokenEndpoints } from './token-endpoints.ts'
import { tokenOwner } from './token-owner.ts'

/** The stand-in for Google's sign-in: OAuth 2.0 and OpenID Connect. */
export function signIn(app: FastifyInstance, provider: Provider, faults: Faults): void {
  // Loaded before the server listens; a failure is listen's.
  void app.register(formbody)
  app.setErrorHandler((error, _request, reply) => {
    if (error instanceof OAuthError) return reply.code(error.statusCode).send(error.toJSON())
    if (error instanceof GoogleError) {
      return reply.code(error.statusCode).headers(error.headers).send(error.toJSON())
    }
    return reply.send(error)
  })
  app.addHook('preHandler', async (request) => {
    const user = tokenOwner(request, provider)
    if (user !== undefined) request.user = user
  })
  injectFaults(app, faults, provider.clock)
  serveDiscovery(app, provider)
  serveAuthorize(app, provider)
  serveToken(app, provider)
  serveTokenEndpoints(app, provider)
}
