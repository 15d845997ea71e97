import { AccessLevel } from '#shared/access-levels.ts'
import type { Clock } from '#shared/clock.ts'
import { asUserId, type UserId } from '#shared/ids.ts'
import type { UserRow } from '../store/schema.ts'
import type { Store } from '../store/store.ts'

/** The other end of a link: of a mailbox that somebody may use, or of somebody who may use a mailbox. */
export interface LinkedAccount {
  readonly userId: UserId
  readonly email: string
  readonly hd: string | undefined
  readonly state: UserRow['state']
  /** The most that may be done with the mailbox. */
  readonly level: AccessLevel
  /** When it was linked, in ms since the epoch. */
  readonly since: number
  /** Until when its owner lends it, in ms since the epoch; undefined when both are one person's. */
  readonly until: number | undefined
}

/**
 * Who may use which mailbox beside their own: whoever signed in at Google as both, and whom its owner lends it to until a
 * date. A link gives nobody a mailbox that Google has not let this gateway use, and one that has had its time gives nothing.
 */
export interface MailboxLinks {
  /** What this person may use beside their own mailbox, first linked first. */
  of(userId: UserId): Promise<readonly LinkedAccount[]>
  /** Who may use this mailbox beside its owner, first linked first. */
  usersOf(mailbox: UserId): Promise<readonly LinkedAccount[]>
  /** Both must have an account here. Linked again, level and end are the new ones. */
  add(
    link: MailboxLink & {
      readonly level: AccessLevel
      /** In ms since the epoch. */
      readonly until?: number | undefined
    }
  ): Promise<void>
  /**
   * Ends the link, and each connection of an application that was made with this mailbox: its tokens stop at once.
   * Answers whether there was one.
   */
  remove(link: MailboxLink): Promise<boolean>
  /** Removes, as `remove`, what has had its time; answers how many links went. */
  sweep(): Promise<number>
}

export interface MailboxLink {
  readonly userId: UserId
  readonly mailbox: UserId
}

/** The kind of the rows in which a connection's mailboxes are kept, among those of sign-in. */
export const CONNECTION_MAILBOXES = 'Mailboxes'

export function createMailboxLinks({
  store,
  clock
}: {
  readonly store: Store
  readonly clock: Clock
}): MailboxLinks {
  const { db } = store
  const linked = async (
    mine: 'user_id' | 'mailbox_id',
    theirs: 'user_id' | 'mailbox_id',
    userId: UserId
  ): Promise<readonly LinkedAccount[]> => {
    const rows = await db
      .selectFrom('mailbox_links')
      .innerJoin('users', 'users.id', `mailbox_links.${theirs}`)
      .select(['users.id', 'users.email', 'users.hd', 'users.state'])
      .select(['mailbox_links.level', 'mailbox_links.since', 'mailbox_links.expires_at'])
      .where(`mailbox_links.${mine}`, '=', userId)
      .where(({ eb, or }) =>
        or([
          eb('mailbox_links.expires_at', 'is', null),
          eb('mailbox_links.expires_at', '>', clock.now())
        ])
      )
      .orderBy('mailbox_links.since')
      .orderBy('users.id')
      .execute()
    return rows.map(({ id, hd, level, expires_at, ...row }) => ({
      ...row,
      until: expires_at ?? undefined,
      userId: asUserId(id),
      hd: hd ?? undefined,
      level: AccessLevel.parse(level)
    }))
  }

  const remove = ({ userId, mailbox }: MailboxLink): Promise<boolean> =>
    store.transaction(async (trx) => {
      const { numDeletedRows } = await trx
        .deleteFrom('mailbox_links')
        .where('user_id', '=', userId)
        .where('mailbox_id', '=', mailbox)
        .executeTakeFirstOrThrow()
      const connections = await trx
        .selectFrom('oauth')
        .select(['id', 'payload'])
        .where('model', '=', CONNECTION_MAILBOXES)
        .where('user_id', '=', userId)
        .execute()
      for (const { id, payload } of connections) {
        const { mailboxes } = JSON.parse(payload) as { mailboxes: readonly string[] }
        if (!mailboxes.includes(mailbox)) continue
        await trx
          .deleteFrom('oauth')
          .where(({ or, eb, and }) =>
            or([eb('grant_id', '=', id), and([eb('model', '=', 'Grant'), eb('id', '=', id)])])
          )
          .execute()
      }
      return numDeletedRows > 0n
    })

  return {
    of: (userId) => linked('user_id', 'mailbox_id', userId),
    usersOf: (mailbox) => linked('mailbox_id', 'user_id', mailbox),

    async add({ userId, mailbox, level, until }) {
      const terms = { level, expires_at: until ?? null }
      await db
        .insertInto('mailbox_links')
        .values({ user_id: userId, mailbox_id: mailbox, since: clock.now(), ...terms })
        .onConflict((conflict) => conflict.columns(['user_id', 'mailbox_id']).doUpdateSet(terms))
        .execute()
    },

    remove,

    async sweep() {
      const over = await db
        .selectFrom('mailbox_links')
        .select(['user_id', 'mailbox_id'])
        .where('expires_at', '<=', clock.now())
        .execute()
      for (const { user_id, mailbox_id } of over)
        await remove({ userId: asUserId(user_id), mailbox: asUserId(mailbox_id) })
      return over.length
    }
  }
}
