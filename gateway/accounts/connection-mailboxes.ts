import * as z from 'zod'
import { AccessLevel, lesserLevel } from '#shared/access-levels.ts'
import type { Clock } from '#shared/clock.ts'
import { asUserId, type UserId } from '#shared/ids.ts'
import type { UserRow } from '../store/schema.ts'
import type { Patience, Store } from '../store/store.ts'
import { CONNECTION_MAILBOXES } from './mailbox-links.ts'

/** A mailbox that a connection may use now. */
export interface Mailbox {
  readonly userId: UserId
  readonly email: string
  /** The most that this connection may do with it. */
  readonly level: AccessLevel
}

/** One that a connection may use if the operator lets its owner. */
export interface ChosenMailbox extends Mailbox {
  readonly hd: string | null
  readonly state: UserRow['state']
}

/**
 * Which mailboxes a connection uses that was made with others than that of whoever signed in. What stands here is the
 * choice alone: what may be used now, the links say at each call.
 */
export interface ConnectionMailboxes {
  /** Keeps the choice for the connection that a grant stands for; the first is used by whatever names none. */
  keep(grant: ChosenFor, mailboxes: readonly UserId[]): Promise<void>
  /** Undefined for a connection that uses the mailbox of who signed in, and no other. */
  chosenFor(grantId: string): Promise<readonly UserId[] | undefined>
}

interface ChosenFor {
  readonly grantId: string
  readonly userId: UserId
  readonly clientId: string
}

/** As long as the grant lives at most; seconds. */
const LIFE = 365 * 86_400

const Choice = z.object({ mailboxes: z.array(z.string().transform(asUserId)).min(1) })

export const createConnectionMailboxes = ({
  store: { db },
  clock
}: {
  readonly store: Pick<Store, 'db'>
  readonly clock: Clock
}): ConnectionMailboxes => ({
  async keep({ grantId, userId, clientId }, mailboxes) {
    const now = clock.now()
    await db
      .insertInto('oauth')
      .values({
        model: CONNECTION_MAILBOXES,
        id: grantId,
        payload: JSON.stringify({ mailboxes }),
        grant_id: grantId,
        uid: null,
        user_id: userId,
        client_id: clientId,
        created_at: now,
        consumed_at: null,
        expires_at: now + LIFE * 1000
      })
      .execute()
  },

  async chosenFor(grantId) {
    const row = await db
      .selectFrom('oauth')
      .select('payload')
      .where('model', '=', CONNECTION_MAILBOXES)
      .where('id', '=', grantId)
      .executeTakeFirst()
    return row && Choice.parse(JSON.parse(row.payload)).mailboxes
  }
})

/** Whoever signed in. */
export type Person = Pick<UserRow, 'id' | 'email' | 'hd' | 'state'>

/**
 * Finds those of the chosen mailboxes that this person may use now, in the order of the choice: their own, and what is
 * linked to it.
 */
export function createUsableMailboxes({
  store,
  clock
}: {
  readonly store: Store
  readonly clock: Clock
}) {
  const linkedTo = store.prepared(
    store.db
      .selectFrom('mailbox_links')
      .innerJoin('users', 'users.id', 'mailbox_links.mailbox_id')
      .select(['users.id', 'users.email', 'users.hd', 'users.state'])
      .select(['mailbox_links.level', 'mailbox_links.expires_at'])
      .where('mailbox_links.user_id', '=', '')
  )
  return async (
    person: Person,
    level: AccessLevel,
    chosen: readonly string[],
    patience: Patience
  ): Promise<readonly ChosenMailbox[]> => {
    const all = await (patience === 'soon' ? linkedTo.soon : linkedTo)(person.id)
    const linked = all.filter(({ expires_at: end }) => end === null || end > clock.now())
    const usable = new Map<string, ChosenMailbox>()
    for (const { id, email, hd, state, level: most } of [{ ...person, level }, ...linked])
      usable.set(id, {
        ...{ email, hd, state },
        userId: asUserId(id),
        level: lesserLevel(level, AccessLevel.parse(most))
      })
    return chosen.flatMap((id) => usable.get(id) ?? [])
  }
}
