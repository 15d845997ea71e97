import { finished } from 'node:stream/promises'
import type { FastifyReply, FastifyRequest } from 'fastify'

/**
 * Sends the client to where it is already, but over a new connection: that reaches the gateway which took
 * the port over. Method and body stay the same (307, RFC 9110 §15.4.8).
 */
export async function sendOn(request: FastifyRequest, reply: FastifyReply): Promise<void> {
  // What is left unread of the body would cut the answer off.
  await finished(request.raw.resume()).catch(() => undefined)
  await reply.code(307).headers({ location: request.url, connection: 'close' }).send()
}
