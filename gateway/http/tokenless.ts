import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest, preParsingAsyncHookHandler } from 'fastify'
import { asSessionId } from '#shared/ids.ts'
import type { Caller } from '../oauth/bearer.ts'
import type { Strangers } from '../tool-sign-in/strangers.ts'
import type { Challenge } from './authenticate.ts'
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
   * that is left to `begin`. Rejects with ERR_SESSION_UNKNOWN for every session that is not of this kind.
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
      if (typeof named === 'string') {
        admit(request, reply, await strangers.recognise(asSessionId(named)))
        return true
      }
      return request.method === 'POST' && hasJson(request)
    },

    async begin(request, reply, payload) {
      if (request.caller || reply.sent) return payload
      const body = await readWhole(payload)
      if (!body || !isInitialize(body)) {
        await challenge(reply, 'missing')
        return payload
      }
      admit(request, reply, strangers.begin(request.ip))
      return Object.assign(Readable.from([body]), { receivedEncodedLength: body.byteLength })
    }
  }
}

const hasJson = ({ headers }: FastifyRequest): boolean =>
  /^application\/json\b/i.test(headers['content-type'] ?? '')

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

/** The one place where the gateway looks into a body: a process for every stranger's call would be dear. */
function isInitialize(body: Buffer): boolean {
  try {
    const message: unknown = JSON.parse(body.toString('utf8'))
    return (
      typeof message === 'object' &&
      message !== null &&
      'method' in message &&
      message.method === 'initialize' &&
      'id' in message
    )
  } catch {
    return false
  }
}
