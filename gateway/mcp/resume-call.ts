import type { FastifyReply, FastifyRequest } from 'fastify'
import { GatewayError } from '#shared/errors.ts'
import type { SessionId } from '#shared/ids.ts'
import { errorEvent, noteFailure, rpcErrorOf } from '../http/json-rpc-error.ts'
import { presetHeaders } from '../http/preset-headers.ts'
import { type CallEventId, readCallEventId, toldId } from '../relay/call-event-id.ts'
import { primingEvent } from '../relay/resumable-answer.ts'
import type { ResumableAnswers } from '../relay/resumable-answers.ts'
import type { Session } from '../sessions/session.ts'

/** Passes the request on to the gateway of that call; resolves with false when that is not reached. */
export type LeadBack = (
  call: CallEventId,
  request: FastifyRequest,
  reply: FastifyReply
) => Promise<boolean>

export interface ResumeParts {
  readonly kept: ResumableAnswers
  readonly leadBack: LeadBack | undefined
}

/**
 * Answers a client that has lost the stream of a call's answer and brings back its event id: with the answer, as soon as
 * there is one, or with one error that says what is known. Resolves with false when there is nothing more to say.
 */
export async function resumeCall(
  { kept, leadBack }: ResumeParts,
  { session, id: sessionId }: { readonly session: Session; readonly id: SessionId },
  request: FastifyRequest,
  reply: FastifyReply
): Promise<boolean> {
  const eventId = String(request.headers['last-event-id'])
  const call = readCallEventId(eventId)
  if (!call || call.isTold) return false
  const isHere = call.node === kept.node
  if (!isHere && (await leadBack?.(call, request, reply))) return true
  const answer = isHere ? kept.find(call.exchange, session) : undefined
  if (answer?.wasRefused) return false
  reply.hijack()
  const to = reply.raw.writeHead(200, {
    'content-type': 'text/event-stream',
    'cache-control': 'no-cache, no-transform',
    'x-accel-buffering': 'no',
    ...presetHeaders(reply),
    'mcp-session-id': sessionId
  })
  to.write(primingEvent(eventId)) // it may be lost once more
  if (answer?.follow(to)) return true
  const why = isHere ? answerGone() : gatewayGone()
  noteFailure(request, why)
  to.end(errorEvent(rpcErrorOf(why, call.rpcId, request.id), toldId(eventId)))
  return true
}

const answerGone = (): GatewayError =>
  new GatewayError(
    'ERR_ANSWER_GONE',
    'The connection was lost, and the answer to this call is no longer here. The call has ended; look whether it took effect before you repeat it.'
  )

/** The gateway that served a call, or was to, is no more. */
export const gatewayGone = (): GatewayError =>
  new GatewayError(
    'ERR_PEER_GONE',
    'The gateway that served this account stopped during the call. Whether the call took effect is not known; the next call goes to another one.',
    { retryAfter: 1 }
  )
