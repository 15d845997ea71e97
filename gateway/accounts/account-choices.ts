import type { Clock } from '#shared/clock.ts'
import type { UserId } from '#shared/ids.ts'
import { PersonPolicy } from '#shared/tool-policy.ts'
import type { Store } from '../store/store.ts'

/** What people chose for the tools of their own account. */
export interface AccountChoices {
  /** What this person chose; nothing narrowed for who chose nothing. */
  policyOf(userId: UserId): Promise<PersonPolicy>
  /** Replaces the choice. Rejects for somebody who has no account here. */
  choose(userId: UserId, policy: PersonPolicy): Promise<void>
}

export const createAccountChoices = ({
  store: { db },
  clock
}: {
  readonly store: Store
  readonly clock: Clock
}): AccountChoices => ({
  async policyOf(userId) {
    const row = await db
      .selectFrom('account_choices')
      .select('policy')
      .where('user_id', '=', userId)
      .executeTakeFirst()
    return PersonPolicy.parse(row ? JSON.parse(row.policy) : {})
  },

  async choose(userId, policy) {
    const row = { policy: JSON.stringify(policy), updated_at: clock.now() }
    await db
      .insertInto('account_choices')
      .values({ user_id: userId, ...row })
      .onConflict((conflict) => conflict.column('user_id').doUpdateSet(row))
      .execute()
  }
})
