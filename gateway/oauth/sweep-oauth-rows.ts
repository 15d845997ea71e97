import type { Clock } from '#shared/clock.ts'
import type { GoogleGrants } from '../accounts/google-grants.ts'
import { CONNECTION_MAILBOXES } from '../accounts/mailbox-links.ts'
import type { PersonalTokens } from '../accounts/personal-tokens.ts'
import type { Store } from '../store/store.ts'
import { dateClients } from './client-retention.ts'

export interface UpkeepParts {
  readonly store: Store
  readonly personalTokens: Pick<PersonalTokens, 'sweep'>
  readonly grants: Pick<GoogleGrants, 'reseal'>
  /** Removes what was written down long ago; answers how many rows went. */
  readonly audit: { sweep(): Promise<number> }
  /** Forgets what was sent long ago; answers how many rows went. */
  readonly sends: { sweep(): Promise<number> }
  /** Ends what was lent until a date that is over; answers how many links went. */
  readonly mailboxLinks: { sweep(): Promise<number> }
  readonly clock: Clock
  /** Whether the wall clock may be believed; until then nothing is too old. Yes, if absent. */
  readonly isClockSettled?: (() => boolean) | undefined
  /** Hears of a run that failed; the next one comes all the same. */
  readonly failed: (error: unknown) => void
}

/** Keeps the stored rows in order: soon after the start, then every hour. */
export interface Upkeep {
  /** Removes now what has had its time; answers how many rows went. */
  sweep(): Promise<number>
  /** No further run; waits for the one that is under way. May be called more than once. */
  close(): Promise<void>
}

const FIRST_MS = 1000
const EVERY_MS = 3600_000
/** A refresh token that was used stays this long, so that a second use still ends its family. */
const SPENT_MS = 24 * 3600_000
/** A grant without any token or code left lets nobody in; a new one gets its code within seconds. */
const IDLE_GRANT_MS = 3600_000

/**
 * Removes expired rows, dynamically registered clients that nobody has used for long among them, and what the audit has kept for
 * long enough, and what was sent; seals Google grants under the current key after a rotation.
 */
export function startUpkeep(parts: UpkeepParts): Upkeep {
  const { store, personalTokens, grants, audit, sends, mailboxLinks, clock, failed } = parts
  const { db } = store
  let running: Promise<unknown> = Promise.resolve()
  let disarm = () => {}
  let isClosed = false

  const sweep = async (): Promise<number> => {
    const now = clock.now()
    const expired = await db
      .deleteFrom('oauth')
      .where('expires_at', '<=', now)
      .executeTakeFirstOrThrow()
    const spent = await db
      .deleteFrom('oauth')
      .where('model', '=', 'RefreshToken')
      .where('consumed_at', '<=', now - SPENT_MS)
      .executeTakeFirstOrThrow()
    const idle = await db
      .deleteFrom('oauth')
      .where('model', '=', 'Grant')
      .where('created_at', '<=', now - IDLE_GRANT_MS)
      .where(({ not, exists, selectFrom }) =>
        not(
          exists(
            selectFrom('oauth as issued')
              .select('issued.id')
              .whereRef('issued.grant_id', '=', 'oauth.id')
              .where('issued.model', '!=', CONNECTION_MAILBOXES)
          )
        )
      )
      .executeTakeFirstOrThrow()
    const choices = await db
      .deleteFrom('oauth')
      .where('model', '=', CONNECTION_MAILBOXES)
      .where('created_at', '<=', now - IDLE_GRANT_MS)
      .where(({ not, exists, selectFrom }) =>
        not(
          exists(
            selectFrom('oauth as granted')
              .select('granted.id')
              .where('granted.model', '=', 'Grant')
              .whereRef('granted.id', '=', 'oauth.id')
          )
        )
      )
      .executeTakeFirstOrThrow()
    await dateClients(db, now)
    const removed = [expired, spent, idle, choices].map(({ numDeletedRows }) =>
      Number(numDeletedRows)
    )
    const others = [await personalTokens.sweep(), await audit.sweep(), await sends.sweep()]
    const lent = await mailboxLinks.sweep()
    return [...removed, ...others, lent].reduce((sum, rows) => sum + rows)
  }

  const run = async (): Promise<void> => {
    if (parts.isClockSettled?.() !== false) await sweep()
    await grants.reseal()
  }

  const arm = (ms: number) => {
    if (isClosed) return
    disarm = clock.after(ms, () => {
      running = run()
        .catch(failed)
        .then(() => arm(EVERY_MS))
    })
  }
  arm(FIRST_MS)

  return {
    sweep,
    async close() {
      isClosed = true
      disarm()
      await running
    }
  }
}
