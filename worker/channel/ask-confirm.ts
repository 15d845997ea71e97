import type { AskOnPage } from '../tool-kit/confirm.ts'
import type { Channel } from './channel.ts'

const MOST_LINES = 20
const MOST_CHARS = 2000

/** Asks the account's person through the gateway, on the account page. */
export const askConfirm =
  (channel: Channel): AskOnPage =>
  async (hash, words) => {
    const lines = words.slice(0, MOST_LINES).map((line) => line.slice(0, MOST_CHARS))
    const answer = await channel.ask({ type: 'confirm', hash, words: lines })
    return answer.type === 'confirm-answer' ? answer.answer : { state: 'unavailable' }
  }
