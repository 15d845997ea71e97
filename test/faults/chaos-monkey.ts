import { setTimeout as delay } from 'node:timers/promises'
import type { Random } from '../../ops/sandbox/random.ts'
import type { GatewayHome, GatewayProcess } from '../helpers/gateway-home.ts'
import { processesOf } from '../helpers/processes.ts'
import type { ChaosClient } from './chaos-client.ts'

const BETWEEN_MS = 700
const STOPPED_MS = 4000
const SPIN_MS = 2500
/** Beyond what the gateway lets a worker have. */
const LEAK_MEBIBYTES = 256

export interface ChaosMonkeyParts {
  readonly home: GatewayHome
  /** The worker's program: nothing else is ever signalled, the gateway apart. */
  readonly entry: string
  readonly clients: readonly ChaosClient[]
  readonly random: Random
  readonly seconds: number
}

const HARMS = ['kill', 'kill', 'kill', 'stop', 'stop', 'spin', 'leak'] as const

/** Three gateways pass away, and the last one has time to show what it keeps. */
const GATEWAYS = 4

/**
 * Does harm at random for a while, also while gateways change. Gives the gateway that runs at the end, how the ends
 * of those went that had a successor, and what was done how often.
 */
export async function letChaosRule(parts: ChaosMonkeyParts, first: GatewayProcess) {
  const { random, seconds } = parts
  const stopping = new AbortController()
  const succession = changeGateways(parts, first, stopping.signal)
  const done = new Map<string, number>()
  const side: Promise<unknown>[] = []
  const end = performance.now() + seconds * 1000
  while (performance.now() < end) {
    const harm = random.pick(HARMS)
    done.set(harm, (done.get(harm) ?? 0) + 1)
    side.push(doHarm(parts, harm))
    await delay(random.below(BETWEEN_MS))
  }
  stopping.abort()
  await Promise.all(side)
  return { ...(await succession), done: Object.fromEntries(done) }
}

/** By turns one is killed and one is upgraded. */
async function changeGateways(parts: ChaosMonkeyParts, first: GatewayProcess, signal: AbortSignal) {
  const pause = (parts.seconds * 1000) / (GATEWAYS + 1)
  const exits: (number | string)[] = []
  let gateway = first
  let kills = 0
  for (let n = 1; n < GATEWAYS; n += 1) {
    await delay(pause, undefined, { signal }).catch(() => {})
    if (signal.aborted) break
    const isKill = n % 2 === 1
    const next = isKill ? await restart(parts, gateway) : await upgrade(parts, gateway)
    if (isKill) kills += 1
    else exits.push(await gateway.gone)
    gateway = next
  }
  return { gateway, exits, kills }
}

async function doHarm(parts: ChaosMonkeyParts, harm: (typeof HARMS)[number]): Promise<void> {
  const { random } = parts
  if (harm === 'kill') await signalSomebody(parts, 'SIGKILL')
  if (harm === 'stop') await stopForAWhile(parts)
  if (harm === 'spin') await misuse(parts, 'spin', { ms: random.below(SPIN_MS) })
  if (harm === 'leak') await misuse(parts, 'leak', { mebibytes: LEAK_MEBIBYTES })
}

/** Another gateway on the same data, after the last one was killed. */
async function restart({ home }: ChaosMonkeyParts, gateway: GatewayProcess) {
  gateway.kill('SIGKILL')
  await gateway.gone
  const next = home.start()
  await next.said('"msg":"ready"')
  return next
}

/** Another gateway beside it, which takes over. */
async function upgrade({ home }: ChaosMonkeyParts, gateway: GatewayProcess) {
  const next = home.start()
  await next.said('ready to take over')
  gateway.kill('SIGTERM')
  await gateway.gone
  return next
}

/** Mostly it goes on later; sometimes it never does, and the gateway has to find out. */
async function stopForAWhile(parts: ChaosMonkeyParts): Promise<void> {
  const forEver = parts.random.below(4) === 0
  const ms = parts.random.below(STOPPED_MS)
  const pid = await signalSomebody(parts, 'SIGSTOP')
  if (pid === undefined || forEver) return
  await delay(ms)
  if (processesOf(parts.entry).includes(pid)) process.kill(pid, 'SIGCONT')
}

async function signalSomebody(
  { home, entry, random }: ChaosMonkeyParts,
  signal: NodeJS.Signals
): Promise<number | undefined> {
  const workers = await home.workers().catch(() => []) // there may be no gateway now
  const { pid } = workers[random.below(workers.length)] ?? {}
  if (typeof pid !== 'number' || !processesOf(entry).includes(pid)) return undefined
  try {
    process.kill(pid, signal)
  } catch {
    return undefined // it ended in this moment
  }
  return pid
}

async function misuse(
  { clients, random }: ChaosMonkeyParts,
  tool: 'spin' | 'leak',
  args: Readonly<Record<string, number>>
): Promise<void> {
  const one = clients[random.below(clients.length)]
  if (!one) throw new Error('there are no clients')
  await one.ask({ tool, args, holds: [one.person.email] })
}
