import type { AllowedPeople } from '../accounts/allow-list.ts'
import type { KeyWatch } from '../accounts/key-watch.ts'
import { loadOperators, Operators } from '../admin/operators.ts'
import { createReload, type ReloadParts } from '../admin/reload.ts'
import type { Config } from '../config/config.ts'
import { type PeerSettings, peerKeysOf } from '../config/peer-tls.ts'
import { type AccountEffectsParts, accountEffects } from '../mcp/account-effects.ts'
import type { Peers } from '../peers/peers.ts'
import type { Log } from '../telemetry/log.ts'
import type { Books } from './bookkeeping.ts'
import type { Core } from './core.ts'

/** Who may use this gateway, and who may operate it: what a reload changes. */
export function admission(
  config: Config,
  log: Log,
  keyWatch: KeyWatch,
  parts: Pick<Core, 'accounts' | 'serving' | 'substitutes'> & {
    readonly allowedPeople: AllowedPeople
    readonly tellOthers: AccountEffectsParts['tellOthers']
    readonly peers: Peers | undefined
  } & Pick<Books, 'tell' | 'forget'>
) {
  const { allowedPeople } = parts
  tellWhoMaySignIn(log, allowedPeople)
  const people = accountEffects({ ...parts, log })
  const operators = new Operators(loadOperators(config))
  const reread = parts.substitutes.reread ?? (() => config)
  let configNow = config
  const took: ReloadParts['took'] = (settings) => {
    configNow = { ...configNow, ...settings }
  }
  const lookAtKeys = () => keyWatch.look()
  const tellOthers = (): void => {
    parts
      .tellOthers?.({ kind: 'reload', subject: '' })
      .catch((err: unknown) => log.error({ err }, 'the other gateways were not told to reload'))
  }
  const shared = { allowedPeople, operators, people, log, tellOthers }
  const renewPeers = (settings: PeerSettings): void => {
    const keys = peerKeysOf(settings)
    if (keys) parts.peers?.renew(keys)
  }
  const reload = createReload({ ...shared, reread, lookAtKeys, took, renewPeers })
  return { people, operators, reload, configNow: () => configNow }
}

/** Everybody, when nobody was named: that is worth a line that stands out. */
function tellWhoMaySignIn(log: Log, allowedPeople: AllowedPeople): void {
  const { emails, domains } = allowedPeople.count()
  if (emails + domains === 0)
    log.warn(
      'everybody whom the Google project lets in may sign in; ALLOWED_EMAILS or ALLOWED_DOMAINS would name them'
    )
  else log.info({ emails, domains }, 'who may sign in: those whom the allow lists name')
}
