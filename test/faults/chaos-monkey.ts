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

/** Does harm at random for a while. Gives the gateway that runs at the end, and what was done how often. */
export async function letChaosRule(parts: ChaosMonkeyParts, first: GatewayProcess) {
  const { random, seconds } = parts
  const done: string[] = []
  const side: Promise<unknown>[] = []
  let gateway = first
  let gateways = 1
  const end = performance.now() + seconds * 1000
  // Three gateways pass away, and the last one has time to show what it keeps.
  const eraMs = (seconds * 1000) / 5
  let eraEnd = performance.now() + eraMs
  while (performance.now() < end) {
    if (performance.now() > eraEnd && gateways < 4) {
      const wasKilled = done.lastIndexOf('gateway killed') > done.lastIndexOf('gateway upgraded')
      done.push(wasKilled ? 'gateway upgraded' : 'gateway killed')
      gateway = wasKilled ? await upgrade(parts, gateway) : await restart(parts, gateway)
      gateways += 1
      eraEnd = performance.now() + eraMs
    }
    const harm = random.pick(HARMS)
    done.push(harm)
    side.push(doHarm(parts, harm))
    await delay(random.below(BETWEEN_MS))
  }
  await Promise.all(side)
  const count = (what: string) => done.filter((one) => one === what).length
  return {
    gateway,
    done: Object.fromEntries([...new Set(done)].map((what) => [what, count(what)]))
  }
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
