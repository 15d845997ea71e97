import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { stop as stopBundler } from 'esbuild'
import t from 'tap'
import { bundleWorker } from '../../ops/build.ts'
import { createRandom } from '../../ops/sandbox/random.ts'
import { openGatewayHome } from '../helpers/gateway-home.ts'
import { openFilesOf, processesOf } from '../helpers/processes.ts'
import { ChaosClient, DEADLINE_MS, type Outcome } from './chaos-client.ts'
import { letChaosRule } from './chaos-monkey.ts'

const SECONDS = Number(process.env.CHAOS_SECONDS ?? 40)
const SEED = process.env.CHAOS_SEED ?? String(Date.now())
const USERS = 40
/** An account whose worker died too often is refused for a minute. */
const CALM_MS = 90_000
const CANARY = fileURLToPath(new URL('../fixtures/workers/canary.ts', import.meta.url))

t.setTimeout(SECONDS * 1000 + 2 * DEADLINE_MS + CALM_MS + 60_000)

const SETTINGS = {
  WARM_WORKERS: '1',
  WORKER_LIMIT: '64',
  WORKER_STARTS: '4',
  // A busy machine may be slow; that is not what is tried here.
  WORKER_START_TIMEOUT: '30s',
  QUEUE_WAIT: '30s',
  WORKER_MEMORY: '160MiB',
  LOG_LEVEL: 'info'
}

const skip = process.platform !== 'linux' && 'needs /proc'

t.test(
  'whatever dies, nobody hangs, gets another one’s answer or loses a session',
  {
    skip
  },
  async (t) => {
    t.comment(`CHAOS_SEED=${SEED} CHAOS_SECONDS=${SECONDS}`)
    const program = t.testdir()
    await bundleWorker(CANARY, program)
    await stopBundler()
    const entry = join(program, 'main.mjs')
    const home = await openGatewayHome(t, {
      users: USERS,
      settings: { ...SETTINGS, WORKER_ENTRY: entry }
    })

    const tally = new Map<Outcome, number>()
    const details = new Set<string>()
    const report = (outcome: Outcome, detail: string): void => {
      tally.set(outcome, (tally.get(outcome) ?? 0) + 1)
      if (!['answered', 'aborted', 'unreachable'].includes(outcome))
        details.add(`${outcome} ${detail}`)
    }
    const clients = home.users.flatMap(({ email, token }, n) =>
      (['legacy', 'modern'] as const).map(
        (era) =>
          new ChaosClient({
            endpoint: { url: home.url, token },
            era,
            canary: createHash('sha256').update(`canary of ${email}`).digest('hex').slice(0, 16),
            random: createRandom(`${SEED} ${n} ${era}`),
            report
          })
      )
    )

    const first = home.start()
    await first.said('"msg":"ready"')
    await eventually(() => processesOf(entry).length === 1) // the warm one
    const files = openFilesOf(first.pid)

    for (const client of clients) await client.open()
    const stopping = new AbortController()
    const running = clients.map((client) => client.run(stopping.signal))
    const random = createRandom(SEED)
    const chaos = { home, entry, clients, random, seconds: SECONDS }
    const { gateway, done } = await letChaosRule(chaos, first)
    stopping.abort()
    await Promise.all(running)
    t.comment('done', done)
    t.comment('met', Object.fromEntries(tally))

    const notWell = await calm(clients)
    t.equal(notWell, 0, 'at the end every client is served, each session under its first id')
    for (const outcome of ['misrouted', 'lost', 'silent', 'strange', 'hung'] as const)
      t.equal(tally.get(outcome) ?? 0, 0, `no call was ${outcome}`, { details: [...details] })
    t.ok((tally.get('answered') ?? 0) > USERS, 'most of the time it works')

    for (const { id } of await home.workers()) await home.stopWorker(id)
    await eventually(() => processesOf(entry).length === 1)
    t.equal(processesOf(entry).length, 1, 'only a warm worker is left')
    await closeConnections()
    await eventually(() => openFilesOf(gateway.pid) <= files)
    t.ok(openFilesOf(gateway.pid) <= files, 'no file or socket is left open', {
      before: files,
      after: openFilesOf(gateway.pid)
    })
    gateway.kill('SIGTERM')
    t.equal(await gateway.gone, 0)
    t.same(processesOf(entry), [], 'no process outlives the gateway')
  }
)

/** Lets every client call until it is answered. Gives how many were not in time. */
async function calm(clients: readonly ChaosClient[]): Promise<number> {
  const end = performance.now() + CALM_MS
  const answered = await Promise.all(
    clients.map(async (client) => {
      while (performance.now() < end) {
        if ((await client.call('canary', { nonce: 'calm' })) === 'answered') return true
        await delay(1000)
      }
      return false
    })
  )
  return answered.filter((is) => !is).length
}

async function eventually(fact: () => boolean): Promise<void> {
  const end = performance.now() + 20_000
  while (!fact() && performance.now() < end) await delay(50)
}

/** The connections that `fetch` keeps are the test's, not the gateway's. */
async function closeConnections(): Promise<void> {
  const key = Symbol.for('undici.globalDispatcher.1')
  const dispatcher = Reflect.get(globalThis, key) as { close(): Promise<void> }
  await dispatcher.close()
}
