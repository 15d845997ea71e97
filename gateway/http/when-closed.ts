import type { FastifyReply } from 'fastify'

/** Calls `fn` once when the response is over, for whatever reason; at once if it already is. */
export function whenClosed(reply: FastifyReply, fn: () => void): void {
  if (reply.raw.closed) fn()
  else reply.raw.once('close', fn)
}
