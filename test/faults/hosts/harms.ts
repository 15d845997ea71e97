import { setTimeout as delay } from 'node:timers/promises'
import type { Random } from '../../../ops/sandbox/random.ts'
import { nodesOf } from '../../helpers/processes.ts'
import type { DatabasePair } from './database-pair.ts'
import type { GatewayHost } from './gateway-hosts.ts'
import type { HostNetwork, NetworkHost } from './network.ts'

/** What is done to hosts, as often as it stands here. */
const KINDS = [
  'cut-database', // a gateway from both hosts of the database
  'cut-database',
  'cut-peer', // a gateway from one other
  'cut-peers', // and from both
  'cut-all', // and from the database as well
  'kill', // a gateway and what runs on its host, as when a machine dies
  'kill',
  'stop', // a gateway alone, and its workers go on
  'stop',
  'pause', // all that runs on its host, as when a virtual machine is moved
  'restart', // in order
  'worker',
  'fail-over'
] as const
type Kind = (typeof KINDS)[number]

/** One harm, as the seed has it. */
export interface Harm {
  readonly kind: Kind
  /** After the one before it. */
  readonly afterMs: number
  /** The host that is harmed, and another one. */
  readonly host: number
  readonly other: number
  /** How long it lasts. */
  readonly ms: number
  /** Picks the worker. */
  readonly pick: number
}

export interface Pace {
  readonly betweenMs: number
  readonly longestMs: number
}

/** The harms of a seed, one after the other: they depend on nothing that happens. */
export function* harmsOf(random: Random, hosts: number, { betweenMs, longestMs }: Pace) {
  for (;;) {
    const host = random.below(hosts)
    const harm: Harm = {
      kind: random.pick(KINDS),
      afterMs: random.below(betweenMs),
      host,
      other: (host + 1 + random.below(hosts - 1)) % hosts,
      ms: 500 + random.below(longestMs - 500),
      pick: random.next()
    }
    yield harm
  }
}

export interface HarmParts {
  readonly network: HostNetwork
  readonly database: DatabasePair
  readonly databaseHosts: readonly NetworkHost[]
  readonly gateways: readonly GatewayHost[]
  /** The workers' program: no other process of a host is signalled by itself. */
  readonly entry: string
}

/**
 * Does harm until `signal` ends it; resolves when all is mended and every gateway is ready. Gives what was done how often.
 * A host that suffers already, and the last one that does not, are left alone.
 */
export async function doHarms(
  parts: HarmParts,
  harms: Iterable<Harm>,
  signal: AbortSignal
): Promise<Readonly<Record<string, number>>> {
  const done: Record<string, number> = {}
  const suffering = new Set<number | 'database'>()
  const under: Promise<void>[] = []
  for (const harm of harms) {
    await delay(harm.afterMs, undefined, { signal }).catch(() => {})
    if (signal.aborted) break
    const whom = harm.kind === 'fail-over' ? 'database' : harm.host
    const isTooMuch = suffering.has(whom) || suffering.size >= parts.gateways.length - 1
    if (isTooMuch) continue
    suffering.add(whom)
    done[harm.kind] = (done[harm.kind] ?? 0) + 1
    under.push(doHarm(parts, harm, signal).finally(() => suffering.delete(whom)))
  }
  await Promise.all(under)
  return done
}

async function doHarm(parts: HarmParts, harm: Harm, signal: AbortSignal): Promise<void> {
  const { gateways, database } = parts
  const [host, other] = [gateways[harm.host], gateways[harm.other]]
  if (!host || !other) throw new Error('there are not so many hosts')
  const lasts = () => delay(harm.ms, undefined, { signal }).catch(() => {})
  switch (harm.kind) {
    case 'fail-over':
      return database.failOver(harm.ms / 4)
    case 'worker':
      return killSomeWorker(parts.entry, harm.pick)
    case 'kill':
      host.signal('SIGKILL', 'gateway')
      await host.gone
      await lasts()
      return host.start()
    case 'restart':
      host.signal('SIGTERM', 'gateway')
      await host.gone
      return host.start()
    case 'stop':
    case 'pause': {
      const whom = harm.kind === 'stop' ? 'gateway' : 'all'
      host.signal('SIGSTOP', whom)
      await lasts()
      return host.signal('SIGCONT', whom)
    }
    default:
      return cutOff(parts, harm, lasts)
  }
}

async function cutOff(parts: HarmParts, harm: Harm, lasts: () => Promise<void>): Promise<void> {
  const { network, gateways, databaseHosts } = parts
  const own = gateways[harm.host]?.network
  const peers = gateways.map((gateway) => gateway.network).filter((host) => host !== own)
  const [one] = [gateways[harm.other]?.network]
  if (!own || !one) throw new Error('there are not so many hosts')
  const lost: Readonly<Record<string, readonly NetworkHost[]>> = {
    'cut-database': databaseHosts,
    'cut-peer': [one],
    'cut-peers': peers,
    'cut-all': [...databaseHosts, ...peers]
  }
  const from = lost[harm.kind] ?? []
  for (const host of from) await network.cut(own, host)
  await lasts()
  for (const host of from) await network.mend(own, host)
}

function killSomeWorker(entry: string, pick: number): void {
  const workers = nodesOf(entry)
  const pid = workers[Math.floor(pick * workers.length)]
  if (pid === undefined) return
  try {
    process.kill(pid, 'SIGKILL')
  } catch {} // it ended in this moment
}
