import type { FastifyReply, FastifyRequest, preParsingAsyncHookHandler } from 'fastify'
import type { AccessLevel } from '#shared/access-levels.ts'
import { GatewayError } from '#shared/errors.ts'
import type { BearerTokens, Caller } from '../accounts/bearer-tokens.ts'
import type { FailedAttempts } from './failed-attempts.ts'
import { jsonRpcIdOf } from './json-rpc-id.ts'

/**
 * Lets in who calls without a token, for legacy sessions only: a new one that somebody wants to sign in
 * to, or one that began so.
 */
export interface AnonymousAccess {
  /**
   * False when the request needs a token. Sets `request.caller`; for a request that may begin a session
   * that is left to `begin`. Rejects with ERR_SESSION_UNKNOWN for every session that is not of this kind,
   * unless the request may begin a new one: `initialize` does, whatever id comes with it.
   */
  identify(request: FastifyRequest, reply: FastifyReply): Promise<boolean>
  /** Looks into a body of which nothing is known yet: only `initialize` begins a session. */
  readonly begin: preParsingAsyncHookHandler
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Who calls, from the verified bearer token; null outside authenticated scopes. */
    caller: Caller | null
  }
}

/** RFC 6750 §2.1: the token in the Authorization header, and nowhere else; RFC 9110 §11.4 allows more spaces. */
const BEARER = /^Bearer +([A-Za-z0-9\-._~+/]+=*)$/i

/** Answers 401 with the challenge that leads a client to sign-in (RFC 6750 §3, RFC 9728 §5.1). */
export type Challenge = (reply: FastifyReply, reason: 'missing' | 'invalid') => Promise<void>

export const challengeOf =
  (parts: {
    /** Of the resource under the name that the client has for it. */
    resourceMetadataUrl: (request: FastifyRequest) => string
    defaultLevel: AccessLevel
    failed(reason: 'missing' | 'invalid'): void
  }): Challenge =>
  async (reply, reason) => {
    parts.failed(reason)
    const error = reason === 'missing' ? '' : 'error="invalid_token", '
    const metadata = parts.resourceMetadataUrl(reply.request)
    const hint = `resource_metadata="${metadata}", scope="${parts.defaultLevel}"`
    await reply
      .code(401)
      .header('www-authenticate', `Bearer ${error}${hint}`)
      .send({
        jsonrpc: '2.0',
        id: await jsonRpcIdOf(reply.request),
        error: {
          code: -32001,
          message: MESSAGE[reason],
          data: { requestId: reply.request.id }
        }
      })
  }

const MESSAGE = {
  missing: 'Sign in first: this request has no bearer token.',
  invalid: 'Sign in again: this bearer token is unknown, expired or revoked.'
}

/**
 * Sets `request.caller`, or answers with the challenge. Whoever has no token at all is `tokenless`'s to
 * decide, where there is such a thing. Wrong tokens from an address that has sent many are
 * refused with ERR_TOO_MANY_ATTEMPTS; a blocked account's ERR_ACCOUNT_BLOCKED is thrown on.
 */
export function authenticate(parts: {
  tokens: BearerTokens
  attempts: FailedAttempts
  challenge: Challenge
  tokenless: AnonymousAccess | undefined
}) {
  const { tokens, attempts, challenge, tokenless } = parts
  const verify = async (token: string, address: string): Promise<Caller | undefined> => {
    const caller = await tokens.verify(token)
    if (caller) return caller // many people may share an address
    attempts.failed(address)
    const wait = attempts.waitFor(address)
    if (wait === 0) return undefined
    const message = 'Too many wrong tokens came from this address; wait a minute.'
    throw new GatewayError('ERR_TOO_MANY_ATTEMPTS', message, { retryAfter: wait })
  }
  return async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const { authorization = '' } = request.headers
    const [, token] = BEARER.exec(authorization) ?? []
    const caller = token === undefined ? undefined : await verify(token, request.ip)
    if (caller) request.caller = caller
    else if (token !== undefined) await challenge(reply, 'invalid')
    else if (authorization !== '' || !(await tokenless?.identify(request, reply)))
      await challenge(reply, 'missing')
  }
}
