import type { Clock } from '#shared/clock.ts'
import type { AccessToken, AccessTokens } from './access-token-source.ts'

/** A token that ends within this time is not used any more: the call could outlive it. */
const MARGIN_MS = 60_000

/** Keeps the account's token until shortly before its end, and asks once however many calls wait for it. */
export class AccessTokenCache {
  readonly #tokens: AccessTokens
  readonly #clock: Clock
  #held: AccessToken | undefined
  #asking: Promise<AccessToken> | undefined

  constructor(tokens: AccessTokens, clock: Clock) {
    this.#tokens = tokens
    this.#clock = clock
  }

  /** A token to call with. `refused` is the one that Google has just answered with 401. */
  async token(refused?: string): Promise<string> {
    const held = this.#held
    if (held && held.accessToken !== refused && held.expiresAt - MARGIN_MS > this.#clock.now())
      return held.accessToken
    this.#asking ??= this.#ask(refused !== undefined && held?.accessToken === refused)
    const { accessToken } = await this.#asking
    return accessToken
  }

  async #ask(force: boolean): Promise<AccessToken> {
    try {
      this.#held = await this.#tokens.get(force)
      return this.#held
    } finally {
      this.#asking = undefined
    }
  }
}
