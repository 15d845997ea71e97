import type { UnsubscribeAnswer } from '#shared/worker-protocol.ts'
import type { Channel } from './channel.ts'

/** Makes RFC 8058's request through the gateway. */
export const askUnsubscribe =
  (channel: Channel) =>
  async (url: string): Promise<UnsubscribeAnswer> => {
    const answer = await channel.ask({ type: 'unsubscribe', url })
    return answer.type === 'unsubscribe-answer' ? answer.answer : { outcome: 'unreachable' }
  }
