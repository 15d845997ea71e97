import type { UserId } from '#shared/ids.ts'
import { isAllowed } from './accounts/allow-list.ts'
import type { GoogleProfile } from './accounts/google.ts'
import type { OpenAccounts } from './accounts/open-accounts.ts'
import type { Config } from './config.ts'
import type { Serving } from './serving.ts'
import { accountSessions } from './sessions/account-view.ts'
import type { Log } from './telemetry/log.ts'

export interface PeopleParts {
  readonly config: Pick<Config, 'ALLOWED_EMAILS' | 'ALLOWED_DOMAINS'>
  readonly log: Log
  readonly accounts: OpenAccounts
  readonly serving: Serving
}

/** What follows for workers and sessions when people sign in, grant something else, or go. */
export interface People {
  /** Whether the operator lets this person in. */
  readonly allowed: (profile: GoogleProfile) => boolean
  /** The stored grant is another one: cached tokens go, the worker and its clients learn of it. */
  readonly onGrantChanged: (userId: UserId) => void
  /** Before an account is erased: its sessions end, and its worker. */
  readonly onErase: (userId: UserId) => Promise<void>
}

export function peopleOf({ config, log, accounts, serving }: PeopleParts): People {
  return {
    allowed: (profile) =>
      isAllowed({ emails: config.ALLOWED_EMAILS, domains: config.ALLOWED_DOMAINS }, profile),
    onGrantChanged(userId) {
      accounts.broker.forget(userId)
      serving.grantChanged(userId).catch((err: unknown) => log.warn({ err }, 'grant not passed on'))
    },
    async onErase(userId) {
      await accountSessions(serving.sessions).endAll(userId)
      await serving.supervisor.stop(userId, 'admin', 'now')
      accounts.broker.forget(userId)
    }
  }
}
