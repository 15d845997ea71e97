import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Clock } from '#shared/clock.ts'
import type { Fault, Faults } from './faults.ts'
import { GoogleError } from './google-error.ts'
import { OAuthError } from './sign-in/oauth-error.ts'

/** Lets the waiting faults happen, before a request has any effect. */
export function injectFaults(app: FastifyInstance, faults: Faults, clock: Clock): void {
  app.addHook('preHandler', async (request) => {
    const { operation: method, isGmail = false } = request.routeOptions.config
    if (method === undefined) return
    const fault = faults.take({ method, user: request.user, isGmail })
    if (fault) await befall(request, fault, clock)
  })
}

async function befall(request: FastifyRequest, fault: Fault, clock: Clock): Promise<void> {
  const headers: Record<string, string> =
    fault.retryAfter === undefined ? {} : { 'retry-after': `${fault.retryAfter}` }
  switch (fault.kind) {
    case 'slow':
      await new Promise<void>((resolve) => clock.after(fault.ms ?? 1000, resolve))
      return
    case 'reset':
      request.raw.socket.resetAndDestroy()
      return
    case 'invalid_grant':
      throw new OAuthError(400, 'invalid_grant', 'Token has been expired or revoked.')
    case '429':
      throw new GoogleError('tooManyRequests', 'Too many concurrent requests for user.', headers)
    case 'rate403':
      throw new GoogleError('rateLimitExceeded', 'User-rate limit exceeded.', headers)
    case '500':
      throw new GoogleError('internalError', 'Internal error encountered.', headers)
    case '503':
      throw new GoogleError('backendError', 'The service is currently unavailable.', headers)
  }
}
