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

/** Does harm at random for a while. Gives the gateway that runs at the end, and what was done how often. */
export async function letChaosRule(parts: ChaosMonkeyParts, first: GatewayProcess) {
  const { random, seconds } = parts
  const done = new Map<string, number>()
  const note = (what: string): void => void done.set(what, (done.get(what) ?? 0) + 1)
  const side: Promise<unknown>[] = []
  let gateway = first
  const end = performance.now() + seconds * 1000
  let nextRestart = performance.now() + (seconds * 1000) / 3
  while (performance.now() < end) {
    if (performance.now() > nextRestart) {
      gateway = await restart(parts, gateway)
      note('gateway killed')
      nextRestart = performance.now() + (seconds * 1000) / 3
    }
    const what = random.pick(['kill', 'kill', 'kill', 'stop', 'stop', 'spin', 'leak'])
    note(what)
    if (what === 'kill') await signalSomebody(parts, 'SIGKILL')
    else if (what === 'stop') side.push(stopForAWhile(parts))
    else if (what === 'spin') side.push(somebody(parts).call('spin', { ms: random.below(SPIN_MS) }))
    else side.push(somebody(parts).call('leak', { mebibytes: LEAK_MEBIBYTES }))
    await delay(random.below(BETWEEN_MS))
  }
  await Promise.all(side)
  return { gateway, done }
}

/** Another gateway on the same data, after the last one was killed. */
async function restart({ home }: ChaosMonkeyParts, gateway: GatewayProcess) {
  gateway.kill('SIGKILL')
  await gateway.gone
  const next = home.start()
  await next.said('"msg":"ready"')
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
  const workers = await home.workers()
  const { pid } = workers[random.below(workers.length)] ?? {}
  if (typeof pid !== 'number' || !processesOf(entry).includes(pid)) return undefined
  try {
    process.kill(pid, signal)
  } catch {
    return undefined // it ended in this moment
  }
  return pid
}

function somebody({ clients, random }: ChaosMonkeyParts): ChaosClient {
  const one = clients[random.below(clients.length)]
  if (!one) throw new Error('there are no clients')
  return one
}
