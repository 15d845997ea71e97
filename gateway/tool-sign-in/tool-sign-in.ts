import type { Clock } from '#shared/clock.ts'
import type { NoteChange } from '../accounts/account-change.ts'
import type { OpenAccounts } from '../accounts/open-accounts.ts'
import type { Config } from '../config/config.ts'
import type { AccountEffects } from '../mcp/account-effects.ts'
import type { DataPlane } from '../mcp/data-plane.ts'
import type { ConnectedClients } from '../oauth/connected-clients.ts'
import type { Log } from '../telemetry/log.ts'
import { AnonymousCallers } from './anonymous-callers.ts'
import { revokeUnusedGrant } from './revoke-unused-grant.ts'
import { SignInRequests } from './sign-in-requests.ts'
import { SignInResponder, type SignInResponderParts } from './sign-in-responder.ts'

/** Sign-in by tools, for clients without OAuth. */
export interface ToolSignIn {
  readonly requests: SignInRequests
  readonly desk: SignInResponder
  readonly strangers: AnonymousCallers
}

export interface ToolSignInParts {
  readonly config: Config
  readonly log: Log
  readonly clock: Clock
  readonly accounts: OpenAccounts
  readonly serving: DataPlane
  readonly people: AccountEffects
  readonly clients: Pick<ConnectedClients, 'revoke'>
  readonly isLive: SignInResponderParts['isLive']
  readonly note: NoteChange
  /** As `SignInRequestsParts` has it. */
  readonly tag?: string | undefined
}

/** Strangers may never fill the house. */
const SHARE = 1 / 4
const MOST = 64

export function createToolSignIn(parts: ToolSignInParts): ToolSignIn {
  const { config, log, clock, accounts, serving, people, clients, isLive, note } = parts
  const failed = (err: unknown): void => log.error({ err }, 'a sign-in by tool failed')
  const requests = new SignInRequests({
    clock,
    tag: parts.tag,
    discard: (arrival) => void revokeUnusedGrant(accounts, arrival).catch(failed)
  })
  const places = Math.floor(serving.supervisor.census().limit * SHARE)
  return {
    requests,
    desk: new SignInResponder({
      ...accounts,
      ...serving,
      ...people,
      clock,
      requests,
      clients,
      isLive,
      note,
      announce: people.onGrantChanged,
      publicUrl: config.PUBLIC_URL,
      sessionTtl: config.SIGN_IN_BY_TOOL_TTL,
      givesTokens: config.TOKENS_BY_TOOL,
      failed
    }),
    strangers: new AnonymousCallers({
      ...accounts,
      ...serving,
      clock,
      atOnce: Math.max(1, Math.min(MOST, places))
    })
  }
}
