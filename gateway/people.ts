import { GatewayError } from '#shared/errors.ts'
import type { UserId } from '#shared/ids.ts'
import type { Account } from './accounts/accounts.ts'
import type { AllowedPeople } from './accounts/allow-list.ts'
import type { GoogleProfile } from './accounts/google.ts'
import type { OpenAccounts } from './accounts/open-accounts.ts'
import type { TellAccountEvent } from './oauth/account-change.ts'
import type { Serving } from './serving.ts'
import { accountSessions } from './sessions/account-view.ts'
import type { Log } from './telemetry/log.ts'

export interface PeopleParts {
  readonly allowedPeople: AllowedPeople
  readonly log: Log
  readonly accounts: OpenAccounts
  readonly serving: Serving
  readonly tell: TellAccountEvent
  /** What is still to be written names them no more. */
  readonly forget: (userId: UserId) => Promise<void>
}

/** What follows for workers and sessions when people sign in, grant something else, are put out, or go. */
export interface People {
  /** Whether the operator lets this person in. */
  readonly allowed: (profile: GoogleProfile) => boolean
  /** Whether the operator still lets the owner of an account in. */
  readonly allowsAccount: AllowedPeople['allowsAccount']
  /** The stored grant is another one: cached tokens go, the worker and its clients learn of it. */
  readonly onGrantChanged: (userId: UserId) => void
  /** What tools may do for this account is another thing: its worker and its clients learn of it. */
  readonly onPolicyChanged: (userId: UserId) => void
  /** Hears of sign-ins. */
  readonly tell: TellAccountEvent
  /** Before an account is erased: its sessions end, and its worker. */
  readonly onErase: (userId: UserId) => Promise<void>
  /** No call, stream, link or refresh of this person works any more. Sessions sleep, for when they come back. */
  readonly block: (userId: UserId) => Promise<void>
  /** Ends everything of those whom the allow list no longer names; answers how many had something open. */
  readonly putOutOthers: () => Promise<number>
}

const PAGE = 500

export function peopleOf({
  allowedPeople,
  log,
  accounts,
  serving,
  tell,
  forget
}: PeopleParts): People {
  const allowsAccount: People['allowsAccount'] = (account) => allowedPeople.allowsAccount(account)

  /** Resolves when the worker is gone. */
  const cutOff = async (userId: UserId, why: GatewayError): Promise<void> => {
    serving.cutOff(userId, why)
    accounts.broker.forget(userId)
    await serving.supervisor.stop(userId, 'blocked', 'now')
  }

  return {
    allowed: (profile) => allowedPeople.allows(profile),
    allowsAccount,
    tell,
    onGrantChanged(userId) {
      accounts.broker.forget(userId)
      serving.grantChanged(userId).catch((err: unknown) => log.warn({ err }, 'grant not passed on'))
    },
    onPolicyChanged(userId) {
      serving
        .grantChanged(userId)
        .catch((err: unknown) => log.warn({ err }, 'choice not passed on'))
    },
    async onErase(userId) {
      serving.cutOff(userId, new GatewayError('ERR_ACCOUNT_BLOCKED', 'This account was erased.'))
      await accountSessions(serving.sessions).endAll(userId)
      await serving.supervisor.stop(userId, 'admin', 'now')
      accounts.broker.forget(userId)
      await forget(userId)
    },
    async block(userId) {
      await accounts.accounts.block(userId) // first, so that nothing new begins
      await cutOff(
        userId,
        new GatewayError('ERR_ACCOUNT_BLOCKED', 'An operator blocked this account.')
      )
    },
    async putOutOthers() {
      const why = new GatewayError(
        'ERR_NOT_ALLOWED',
        'This account may not use this gateway any more.'
      )
      let count = 0
      for await (const account of everyAccount(accounts)) {
        if (allowsAccount(account)) continue
        const { userId } = account
        if (serving.supervisor.expects(userId) || serving.streams.hasStreams(userId)) count += 1
        await cutOff(userId, why)
      }
      return count
    }
  }
}

async function* everyAccount({ accounts }: OpenAccounts): AsyncGenerator<Account> {
  for (let after: UserId | undefined; ; ) {
    const page = await accounts.list({ after, limit: PAGE })
    yield* page
    after = page.at(-1)?.userId
    if (page.length < PAGE) return
  }
}
