import type { FastifyReply } from 'fastify'
import { onResponseClose } from '../http/on-response-close.ts'

/**
 * Calls `fn` once when the call is over: with its response, unless that was lost and the answer is kept for its client;
 * then when that has come.
 */
export function onCallEnd(reply: FastifyReply, fn: () => void): void {
  onResponseClose(reply, () => {
    const kept = reply.request.exchange?.kept
    if (kept) kept.whenOver(fn)
    else fn()
  })
}
