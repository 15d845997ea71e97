import type { AllowedPeople } from '../accounts/allow-list.ts'
import type { Config } from '../config/config.ts'
import type { PeerSettings } from '../config/peer-tls.ts'
import type { AccountEffects } from '../mcp/account-effects.ts'
import type { Log } from '../telemetry/log.ts'
import { loadOperators, type Operators } from './operators.ts'

export interface ReloadParts {
  /** Reads the settings again; throws ERR_CONFIG when they are wrong now. */
  readonly reread: () => Config | Promise<Config>
  readonly allowedPeople: AllowedPeople
  readonly operators: Operators
  readonly people: Pick<AccountEffects, 'putOutOthers'>
  /** Looks at the file of keys. Never rejects. */
  readonly lookAtKeys: () => Promise<void>
  readonly log: Log
  /** Has the other gateways over the same store do the same, each with its own settings. Must not throw. */
  readonly tellOthers?: (() => void) | undefined
  /** Takes over the certificates that gateways show each other. Throws ERR_CONFIG when they are wrong. */
  readonly renewPeers?: ((settings: PeerSettings) => void) | undefined
  /** Hears of the settings that are in force from now on, as far as a reload changes them. */
  readonly took: (settings: ReloadedSettings) => void
}

export type ReloadedSettings = Pick<Config, 'ALLOWED_EMAILS' | 'ALLOWED_DOMAINS' | 'LOG_LEVEL'>

export interface Reloaded {
  readonly allowed: { readonly emails: number; readonly domains: number }
  readonly operators: Readonly<Record<'metrics' | 'read' | 'admin', number>>
  readonly logLevel: string
  /** People with something open who are no longer allowed. */
  readonly putOut: number
}

/**
 * Takes over what may change while the gateway runs: allow lists, operators and their tokens, the log level, the
 * certificates between gateways.
 * Rejects with ERR_CONFIG when anything is wrong; then everything stays as it was, and the log says so. `isTold`: another
 * gateway has said so, and the others have heard it too.
 */
export type Reload = (options?: { readonly isTold?: boolean }) => Promise<Reloaded>

export const createReload = (parts: ReloadParts): Reload => {
  const { reread, allowedPeople, operators, people, lookAtKeys, log, took } = parts
  return async ({ isTold = false } = {}) => {
    try {
      const config = await reread()
      const next = loadOperators(config)
      parts.renewPeers?.(config)
      const { ALLOWED_EMAILS, ALLOWED_DOMAINS, LOG_LEVEL } = config
      allowedPeople.replace({ emails: ALLOWED_EMAILS, domains: ALLOWED_DOMAINS })
      operators.replace(next)
      log.level = LOG_LEVEL
      took({ ALLOWED_EMAILS, ALLOWED_DOMAINS, LOG_LEVEL })
    } catch (err) {
      log.error({ err }, 'not reloaded: the settings are wrong, the old ones stay')
      throw err
    }
    await lookAtKeys()
    const reloaded = {
      allowed: allowedPeople.count(),
      operators: operators.count(),
      logLevel: log.level,
      putOut: await people.putOutOthers()
    }
    log.warn(reloaded, 'reloaded')
    if (!isTold) parts.tellOthers?.()
    return reloaded
  }
}
