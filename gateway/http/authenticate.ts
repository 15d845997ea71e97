import type { FastifyReply, FastifyRequest } from 'fastify'
import type { AccessLevel } from '#shared/access-levels.ts'
import type { BearerTokens, Caller } from '../oauth/bearer.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Who calls, from the verified bearer token; null outside authenticated scopes. */
    caller: Caller | null
  }
}

/** RFC 6750 §2.1: the token in the Authorization header, and nowhere else. */
const BEARER = /^Bearer ([A-Za-z0-9\-._~+/]+=*)$/i

/**
 * Sets `request.caller`, or answers 401 with the challenge that leads a client to sign-in
 * (RFC 6750 §3, RFC 9728 §5.1). A blocked account's ERR_ACCOUNT_BLOCKED is thrown on.
 */
export function authenticate(parts: {
  tokens: BearerTokens
  resourceMetadataUrl: string
  defaultLevel: AccessLevel
  failed(reason: 'missing' | 'invalid'): void
}) {
  const hint = `resource_metadata="${parts.resourceMetadataUrl}", scope="${parts.defaultLevel}"`
  return async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const [, token] = BEARER.exec(request.headers.authorization ?? '') ?? []
    const caller = token === undefined ? undefined : await parts.tokens.verify(token)
    if (caller) {
      request.caller = caller
      return
    }
    parts.failed(token === undefined ? 'missing' : 'invalid')
    const error = token === undefined ? '' : 'error="invalid_token", '
    await reply
      .code(401)
      .header('www-authenticate', `Bearer ${error}${hint}`)
      .send({
        jsonrpc: '2.0',
        id: null,
        error: {
          code: -32001,
          message:
            token === undefined
              ? 'Sign in first: this request has no bearer token.'
              : 'Sign in again: this bearer token is unknown, expired or revoked.'
        }
      })
  }
}
