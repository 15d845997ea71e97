import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest, preParsingAsyncHookHandler } from 'fastify'
import { GatewayError } from '#shared/errors.ts'
import { asSessionId } from '#shared/ids.ts'
import type { Caller } from '../oauth/bearer.ts'
import type { Strangers } from '../tool-sign-in/strangers.ts'
import type { Challenge } from './authenticate.ts'
import { isJson } from './media-types.ts'
import { PeekedBody } from './peeked-body.ts'
import { isModern } from './protocol-era.ts'
import { whenClosed } from './when-closed.ts'

/** More than any client's `initialize`; it could not be kept either. */
const INITIALIZE_LIMIT = 32 * 1024

/**
 * Lets in who calls without a token, for legacy sessions only: a new one that somebody wants to sign in
 * to, or one that began so.
 */
export interface Tokenless {
  /**
   * False when the request needs a token. Sets `request.caller`; for a request that may begin a session
   * that is left to `begin`. Rejects with ERR_SESSION_UNKNOWN for every session that is not of this kind,
   * unless the request may begin a new one: `initialize` does, whatever id comes with it.
   */
  recognise(request: FastifyRequest, reply: FastifyReply): Promise<boolean>
  /** Looks into a body of which nothing is known yet: only `initialize` begins a session. */
  readonly begin: preParsingAsyncHookHandler
}

export function createTokenless(strangers: Strangers, challenge: Challenge): Tokenless {
  const admit = (request: FastifyRequest, reply: FastifyReply, caller: Caller): void => {
    request.caller = caller
    whenClosed(reply, strangers.enter(caller))
  }
  return {
    async recognise(request, reply) {
      if (isModern(request.headers)) return false
      const named = request.headers['mcp-session-id']
      const mayBegin = request.method === 'POST' && isJson(request.headers['content-type'])
      if (typeof named !== 'string') return mayBegin
      try {
        admit(request, reply, await strangers.recognise(asSessionId(named), request.ip))
        return true
      } catch (error) {
        if (mayBegin && isUnknownSession(error)) return true
        throw error
      }
    },

    async begin(request, reply, payload) {
      if (request.caller || reply.sent) return payload
      const body = await readWhole(payload)
      if (body) request.peeked = new PeekedBody(body)
      if (!body || !request.peeked?.isInitialize) {
        if (request.headers['mcp-session-id'] !== undefined) throw unknownSession()
        await challenge(reply, 'missing')
        return payload
      }
      admit(request, reply, strangers.begin(request.ip))
      return Object.assign(Readable.from([body]), { receivedEncodedLength: body.byteLength })
    }
  }
}

const unknownSession = (): GatewayError =>
  new GatewayError('ERR_SESSION_UNKNOWN', 'Session not found')

const isUnknownSession = (error: unknown): boolean =>
  error instanceof GatewayError && error.code === 'ERR_SESSION_UNKNOWN'

/** Undefined when there is more than anything that matters here. */
async function readWhole(payload: AsyncIterable<Buffer>): Promise<Buffer | undefined> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of payload) {
    bytes += chunk.byteLength
    if (bytes > INITIALIZE_LIMIT) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
