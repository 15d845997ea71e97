import type { AskForUnits } from '../gmail/shared-quota.ts'
import type { Channel } from './channel.ts'

/** The share of Google's quota that the gateway deals out to this account. */
export const askQuotaUnits =
  (channel: Channel): AskForUnits =>
  async (units) => {
    const answer = await channel.ask({ type: 'units', units })
    return answer.type === 'units-answer' ? answer : { units: 0 }
  }
