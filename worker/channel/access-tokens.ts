import { ToolError } from '#shared/tool-error.ts'
import type { AccessToken, AccessTokens } from '../gmail/access-token-source.ts'
import type { Channel } from './channel.ts'

/** A token this close to its end is not used for another call. */
const MARGIN_MS = 60_000

/** Google access tokens as the gateway hands them out. Many calls that need one ask once. */
export class ChannelTokens implements AccessTokens {
  readonly #channel: Channel
  readonly #now: () => number
  #held: AccessToken | undefined
  #asking: Promise<AccessToken> | undefined

  constructor(channel: Channel, now: () => number) {
    this.#channel = channel
    this.#now = now
  }

  async get(force: boolean): Promise<AccessToken> {
    if (!force && this.#held && this.#held.expiresAt - this.#now() > MARGIN_MS) return this.#held
    this.#asking ??= this.#ask(force).finally(() => {
      this.#asking = undefined
    })
    return this.#asking
  }

  async #ask(force: boolean): Promise<AccessToken> {
    this.#held = undefined
    const answer = await this.#channel.ask({ type: 'token', force })
    if (answer.type === 'token') {
      this.#held = { accessToken: answer.accessToken, expiresAt: answer.expiresAt }
      return this.#held
    }
    if (answer.type === 'token-refused' && answer.code === 'needs_reauth') {
      throw new ToolError('needs_reauth', 'Google no longer accepts the sign-in of this account.')
    }
    throw new ToolError('upstream_unavailable', 'Google does not answer at the moment; try again.')
  }
}
