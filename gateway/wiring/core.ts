import type { BearerTokens } from '../accounts/bearer-tokens.ts'
import type { OpenAccounts } from '../accounts/open-accounts.ts'
import type { OtherNodes } from '../admin/nodes.ts'
import type { Operators } from '../admin/operators.ts'
import type { Reload, ReloadParts } from '../admin/reload.ts'
import type { SignInParts } from '../apps/sign-in-plugin.ts'
import type { Config } from '../config/config.ts'
import type { AccountEffects } from '../mcp/account-effects.ts'
import type { DataPlane } from '../mcp/data-plane.ts'
import type { Peers } from '../peers/peers.ts'
import type { Store } from '../store/store.ts'
import type { Events } from '../telemetry/events.ts'
import type { Log } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { Traces } from '../telemetry/traces.ts'
import type { Warnings } from '../telemetry/warnings.ts'
import type { ToolSignIn } from '../tool-sign-in/tool-sign-in.ts'
import type { Books } from './bookkeeping.ts'

/** What a test may put in the place of the real thing. */
export type Substitutes = Pick<SignInParts, 'fetchClientMetadata'> & {
  /** Reads the settings again for a reload; those that it has, if absent. */
  readonly reread?: ReloadParts['reread']
  /** Reaches the servers of mailing lists in the place of the guarded fetch. */
  readonly fetchOfLists?: typeof globalThis.fetch
}

/** The parts of a gateway that its ports are made of. */
export interface Core {
  readonly config: Config
  readonly log: Log
  readonly metrics: Metrics
  readonly store: Store
  readonly books: Books
  readonly accounts: OpenAccounts
  readonly tokens: BearerTokens
  readonly serving: DataPlane
  readonly people: AccountEffects
  /** Undefined where this gateway is the only one. */
  readonly peers: Peers | undefined
  /** The others over the same store, for operators; undefined where the store is this machine's alone. */
  readonly otherNodes: OtherNodes | undefined
  /** Whether this gateway takes anybody. */
  readonly isTaking: () => boolean
  /** With the calls that were passed on to another gateway. */
  readonly patience: AbortController
  readonly toolSignIn: ToolSignIn | undefined
  readonly isClockSettled: () => boolean
  readonly operators: Operators
  readonly reload: Reload
  /** With what reloads have changed. */
  readonly configNow: () => Config
  readonly events: Events
  readonly warnings: Warnings
  readonly traces: Traces | undefined
  readonly substitutes: Substitutes
}
