import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { GatewayError } from '#shared/errors.ts'
import { asSessionId } from '#shared/ids.ts'
import type { Caller } from '../accounts/bearer-tokens.ts'
import type { AnonymousAccess, Challenge } from '../http/authenticate.ts'
import { isJson } from '../http/media-types.ts'
import { onResponseClose } from '../http/on-response-close.ts'
import { PeekedBody } from '../http/peek-body.ts'
import { isModern } from '../http/protocol-era.ts'
import type { AnonymousCallers } from './anonymous-callers.ts'

/** More than any client's `initialize`; it could not be kept either. */
const INITIALIZE_LIMIT = 32 * 1024

export function anonymousAccess(
  strangers: AnonymousCallers,
  challenge: Challenge
): AnonymousAccess {
  const admit = (request: FastifyRequest, reply: FastifyReply, caller: Caller): void => {
    request.caller = caller
    onResponseClose(reply, strangers.enter(caller))
  }
  return {
    async identify(request, reply) {
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
