import * as z from 'zod'
import type { Clock } from '#shared/clock.ts'
import type { OAuthRow } from '../store/schema.ts'
import type { Store } from '../store/store.ts'

export interface RefreshGraceParts {
  readonly store: Pick<Store, 'db'>
  readonly clock: Clock
  /** Ms for which a refresh token that was used is accepted again; 0 for never. */
  readonly refreshGraceMs: number
}

/**
 * Whether a refresh token that was used may be used once more: the answer to its use may have been lost, or a second
 * window of the same client had it as well. Not when one of its successors was used already, which shows that their
 * holder has moved on: what cannot be told apart from theft ends the family (RFC 9700 §4.14.2).
 */
export async function isForgiven(
  { store, clock, refreshGraceMs }: RefreshGraceParts,
  token: Pick<OAuthRow, 'payload' | 'consumed_at' | 'grant_id'>
): Promise<boolean> {
  if (token.consumed_at === null) return false
  // The wall clock may have been put back meanwhile.
  if (Math.abs(clock.now() - token.consumed_at) >= refreshGraceMs) return false
  const used = await store.db
    .selectFrom('oauth')
    .select('payload')
    .where('model', '=', 'RefreshToken')
    .where('grant_id', '=', token.grant_id)
    .where('consumed_at', 'is not', null)
    .execute()
  const turn = turnOf(token.payload)
  return used.every(({ payload }) => turnOf(payload) <= turn)
}

const Rotated = z.object({ rotations: z.int().default(0) })

/** How often the family had been rotated when this token was issued, as oidc-provider counts it. */
const turnOf = (payload: string): number => Rotated.parse(JSON.parse(payload)).rotations
