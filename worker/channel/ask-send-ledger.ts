import type { SendAnswer, SendQuestion } from '#shared/send-ledger.ts'
import type { SendLedger } from '../gmail/send-once.ts'
import type { Channel } from './channel.ts'

/** The ledger of sends as the gateway keeps it for this account. */
export function askSendLedger(channel: Channel): SendLedger {
  const ask = async (question: SendQuestion): Promise<SendAnswer> => {
    const answer = await channel.ask({ type: 'send', question })
    return answer.type === 'send-answer' ? answer.answer : { state: 'unavailable' }
  }
  return {
    begin: (send) => ask({ ask: 'begin', ...send }),
    look: (key) => ask({ ask: 'look', key }),
    async end(key, outcome) {
      await ask({ ask: 'end', key, outcome })
    }
  }
}
