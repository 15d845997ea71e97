import type { Clock } from '#shared/clock.ts'
import type { PersonalTokens } from '../accounts/personal-tokens.ts'
import type { Store } from '../store/store.ts'

export interface SweepParts {
  readonly store: Store
  readonly personalTokens: Pick<PersonalTokens, 'sweep'>
  readonly clock: Clock
  /** Hears of a sweep that failed; the next one comes all the same. */
  readonly failed: (error: unknown) => void
}

export interface Sweeper {
  /** Removes now what has had its time; answers how many rows went. */
  sweep(): Promise<number>
  /** Stops sweeping; waits for the one that runs. May be called more than once. */
  close(): Promise<void>
}

const EVERY_MS = 3600_000
/** Clients register anew on every connection, and most of those are never used. */
const UNUSED_CLIENT_MS = 24 * 3600_000

/** Removes expired rows, and dynamically registered clients that nobody let in, every hour. */
export function startSweeper({
  store: { db },
  personalTokens,
  clock,
  failed
}: SweepParts): Sweeper {
  let running: Promise<unknown> = Promise.resolve()
  let disarm = () => {}
  let isClosed = false

  const sweep = async (): Promise<number> => {
    const now = clock.now()
    const expired = await db
      .deleteFrom('oauth')
      .where('expires_at', '<=', now)
      .executeTakeFirstOrThrow()
    const unused = await db
      .deleteFrom('oauth')
      .where('model', '=', 'Client')
      .where('created_at', '<=', now - UNUSED_CLIENT_MS)
      .where(({ not, exists, selectFrom }) =>
        not(
          exists(
            selectFrom('oauth as used')
              .select('used.id')
              .where('used.model', '=', 'Grant')
              .whereRef('used.client_id', '=', 'oauth.id')
          )
        )
      )
      .executeTakeFirstOrThrow()
    return Number(expired.numDeletedRows + unused.numDeletedRows) + (await personalTokens.sweep())
  }

  const arm = () => {
    if (isClosed) return
    disarm = clock.after(EVERY_MS, () => {
      running = sweep().catch(failed).then(arm)
    })
  }
  arm()

  return {
    sweep,
    async close() {
      isClosed = true
      disarm()
      await running
    }
  }
}
