import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Clock } from '#shared/clock.ts'
import type { Fault, Faults } from './faults.ts'
import { GoogleError } from './google-error.ts'
import { OAuthError } from './sign-in/oauth-error.ts'

/** Lets the waiting faults happen: before a request has any effect, or else to its answer. */
export function injectFaults(app: FastifyInstance, faults: Faults, clock: Clock): void {
  app.addHook('preHandler', async (request) => {
    const { operation, isGmail = false } = request.routeOptions.config
    if (operation === undefined) return
    const fault = faults.take({ method: operation, user: request.user, isGmail })
    if (fault?.afterEffect || fault?.kind === 'malformed') request.faultAfterEffect = fault
    else if (fault) await befall(request, fault, clock)
  })
  app.addHook('onSend', async (request, reply, payload) => {
    const fault = request.faultAfterEffect
    if (!fault) return payload
    if (fault.kind === 'malformed') return halfOf(payload)
    try {
      await befall(request, fault, clock)
      return payload
    } catch (error) {
      if (!(error instanceof GoogleError || error instanceof OAuthError)) throw error
      void reply.code(error.statusCode).type('application/json').removeHeader('content-length')
      return JSON.stringify(error.toJSON())
    }
  })
}

/** Waits, breaks the connection, or throws the refusal. */
async function befall(request: FastifyRequest, fault: Fault, clock: Clock): Promise<void> {
  const headers: Record<string, string> =
    fault.retryAfter === undefined ? {} : { 'retry-after': `${fault.retryAfter}` }
  switch (fault.kind) {
    case 'slow':
      await new Promise<void>((resolve) => clock.after(fault.ms ?? 1000, resolve))
      return
    case 'reset':
      request.raw.socket.resetAndDestroy()
      throw new GoogleError('backendError', 'The connection is gone.')
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

const halfOf = (payload: unknown): unknown =>
  typeof payload === 'string' ? payload.slice(0, payload.length / 2) : payload

declare module 'fastify' {
  interface FastifyRequest {
    /** A fault that waits for the request to take effect. */
    faultAfterEffect?: Fault
  }
}
