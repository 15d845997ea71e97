import { asSessionId } from '#shared/ids.ts'
import { sessionHash } from '#shared/session-hash.ts'
import type { AskGateway } from '../tool-kit/context.ts'
import type { Channel } from './channel.ts'

/** The gateway as the sign-in tools know it. It learns the hash of a session, never its id. */
export const askSignIn =
  (channel: Channel): AskGateway =>
  async (sessionId, question, request) => {
    const session = sessionId === undefined ? null : sessionHash(asSessionId(sessionId))
    const answer = await channel.ask({
      type: 'sign-in',
      session,
      question,
      ...(request !== undefined && { request })
    })
    if (answer.type !== 'sign-in-answer') throw new Error('that was the answer to another question')
    return answer.answer
  }
