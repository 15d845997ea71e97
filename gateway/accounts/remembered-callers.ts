import type { Clock } from '#shared/clock.ts'
import { GatewayError } from '#shared/errors.ts'
import type { UserId } from '#shared/ids.ts'
import { hashedId } from '../store/hashed-id.ts'
import type { BearerTokens, Caller } from './bearer-tokens.ts'

export interface RememberedCallersParts {
  readonly tokens: BearerTokens
  readonly clock: Clock
  /** Whether what was known of this person may count while the database cannot be asked. */
  readonly goesOn: (userId: UserId) => boolean
}

/** A person at work has one or two tokens; beyond this the oldest are asked for again. */
const MOST = 20_000

/**
 * The database decides about each token at each use. Only while it cannot be reached, whoever was let in with a token
 * before is let in with it again, until the token's own end, and as long as `goesOn` says.
 */
export function rememberCallers({ tokens, clock, goesOn }: RememberedCallersParts): BearerTokens {
  const known = new Map<string, Caller>()

  const keep = (key: string, caller: Caller | undefined): void => {
    known.delete(key) // and comes last again
    if (!caller) return
    known.set(key, caller)
    const [oldest] = known.keys()
    if (known.size > MOST && oldest !== undefined) known.delete(oldest)
  }

  return {
    ...tokens,
    async verify(token) {
      const key = hashedId(token)
      const before = known.get(key)
      try {
        const caller = await tokens.verify(token, before && 'soon')
        keep(key, caller)
        return caller
      } catch (error) {
        const isAway = error instanceof GatewayError && error.code === 'ERR_STORE'
        if (!isAway) known.delete(key)
        const isLive = before !== undefined && before.expiresAt * 1000 > clock.now()
        if (isAway && isLive && goesOn(before.userId)) return before
        throw error
      }
    }
  }
}
