import { GatewayError } from '#shared/errors.ts'
import { asUserId, type UserId } from '#shared/ids.ts'
import type { TellAccountEvent } from '../accounts/account-change.ts'
import type { Account } from '../accounts/accounts.ts'
import type { AllowedPeople } from '../accounts/allow-list.ts'
import type { GoogleProfile } from '../accounts/google-oidc.ts'
import type { OpenAccounts } from '../accounts/open-accounts.ts'
import { accountSessions } from '../sessions/owned-sessions.ts'
import type { Change } from '../store/change-feed.ts'
import type { Log } from '../telemetry/log.ts'
import type { DataPlane } from './data-plane.ts'

export interface AccountEffectsParts {
  readonly allowedPeople: AllowedPeople
  readonly log: Log
  readonly accounts: OpenAccounts
  readonly serving: DataPlane
  readonly tell: TellAccountEvent
  /** What is still to be written names them no more. */
  readonly forget: (userId: UserId) => Promise<void>
  /** Tells the other gateways over the same store; absent where there are none. */
  readonly tellOthers?: ((change: Change) => Promise<void>) | undefined
}

/** What follows for workers and sessions when people sign in, grant something else, are put out, or go. */
export interface AccountEffects {
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
  /** Another gateway has changed something of a person: the same follows here. */
  readonly heard: (change: Change) => Promise<void>
  /** Ends everything of those whom the allow list no longer names; answers how many had something open. */
  readonly putOutOthers: () => Promise<number>
}

const PAGE = 500

export function accountEffects(parts: AccountEffectsParts): AccountEffects {
  const { allowedPeople, log, accounts, serving, tell, forget } = parts
  const allowsAccount: AccountEffects['allowsAccount'] = (account) =>
    allowedPeople.allowsAccount(account)

  /** Resolves when the worker is gone. */
  const cutOff = async (userId: UserId, why: GatewayError): Promise<void> => {
    serving.cutOff(userId, why)
    accounts.broker.forget(userId)
    await serving.supervisor.stop(userId, 'blocked', 'now')
  }

  const grantChanged = (userId: UserId, kind: 'grant' | 'policy'): Promise<void> => {
    if (kind === 'grant') accounts.broker.forget(userId)
    return serving
      .grantChanged(userId)
      .catch((err: unknown) => log.warn({ err, kind }, 'a change was not passed on to a worker'))
  }
  const tellOthers = async (kind: Change['kind'], subject: string): Promise<void> =>
    parts.tellOthers?.({ kind, subject })
  /** For what nobody waits for: that the others were not told is in the log. */
  const tellSoon = (kind: Change['kind'], subject: string): void => {
    tellOthers(kind, subject).catch((err: unknown) =>
      log.error({ err, kind }, 'the other gateways were not told')
    )
  }

  return {
    allowed: (profile) => allowedPeople.allows(profile),
    allowsAccount,
    tell,
    onGrantChanged(userId) {
      void grantChanged(userId, 'grant')
      tellSoon('grant', userId)
    },
    onPolicyChanged(userId) {
      void grantChanged(userId, 'policy')
      tellSoon('policy', userId)
    },
    async onErase(userId) {
      serving.cutOff(userId, erased())
      await accountSessions(serving.sessions).endAll(userId)
      await serving.supervisor.stop(userId, 'admin', 'now')
      accounts.broker.forget(userId)
      await forget(userId)
      await tellOthers('erase', userId)
    },
    async block(userId) {
      await accounts.accounts.block(userId) // first, so that nothing new begins
      await Promise.all([cutOff(userId, blocked()), tellOthers('block', userId)])
    },
    async heard({ kind, subject }) {
      const userId = asUserId(subject)
      if (kind === 'grant' || kind === 'policy') await grantChanged(userId, kind)
      if (kind === 'block') await cutOff(userId, blocked())
      if (kind === 'erase') {
        await cutOff(userId, erased())
        await forget(userId)
      }
      if (kind === 'session') await serving.sessions.endedElsewhere(subject)
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

const blocked = (): GatewayError =>
  new GatewayError('ERR_ACCOUNT_BLOCKED', 'An operator blocked this account.')
const erased = (): GatewayError =>
  new GatewayError('ERR_ACCOUNT_BLOCKED', 'This account was erased.')

async function* everyAccount({ accounts }: OpenAccounts): AsyncGenerator<Account> {
  for (let after: UserId | undefined; ; ) {
    const page = await accounts.list({ after, limit: PAGE })
    yield* page
    after = page.at(-1)?.userId
    if (page.length < PAGE) return
  }
}
