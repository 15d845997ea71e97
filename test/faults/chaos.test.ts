import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { stop as stopBundler } from 'esbuild'
import t, { type Test } from 'tap'
import { bundleMimeThread, bundleWorker } from '../../ops/build.ts'
import { createRandom } from '../../ops/sandbox/random.ts'
import { startSandbox } from '../../ops/sandbox/sandbox.ts'
import { type GatewayHome, type GatewayProcess, openGatewayHome } from '../helpers/gateway-home.ts'
import { connectionsOf, nodesOf, openFilesOf, processesOf } from '../helpers/processes.ts'
import { until } from '../helpers/until.ts'
import { calm } from './calm.ts'
import { ChaosClient, DEADLINE_MS } from './chaos-client.ts'
import { letGoogleFail } from './chaos-google.ts'
import { chaosUsers, deliverLetters, mistakesIn } from './chaos-mail.ts'
import { letChaosRule } from './chaos-monkey.ts'
import { MUST_NOT_BE, type Outcome, type Report } from './chaos-outcome.ts'
import { ChaosStream } from './chaos-stream.ts'

const SECONDS = Number(process.env.CHAOS_SECONDS ?? 40)
const SEED = process.env.CHAOS_SEED ?? String(Date.now())
const USERS = 40
/** An account whose worker died too often is refused for a minute. */
const CALM_MS = 90_000
const QUIET_MS = 20_000
/**
 * Warm code and caches take 1 to 2 MB more after than before. A gateway that never let go of its calls would hold 10 MB
 * and more of the hundreds that the last one serves.
 */
const HEAP_BYTES = 4 * 2 ** 20
const HEARD = ['answered', 'failed', 'refused'] as const

const HARMFUL = fileURLToPath(new URL('../fixtures/workers/harmful.ts', import.meta.url))
const COLLECTS = new URL('../fixtures/gateways/collects-garbage.ts', import.meta.url)

t.setTimeout(SECONDS * 1000 + 2 * DEADLINE_MS + CALM_MS + 60_000)

const SETTINGS = {
  WARM_WORKERS: '1',
  // Fewer than people, so that there is hibernation all the time.
  WORKER_LIMIT: '24',
  WORKER_STARTS: '4',
  // A busy machine may be slow; that is not what is tried here.
  WORKER_START_TIMEOUT: '30s',
  QUEUE_WAIT: '30s',
  WORKER_MEMORY: '160MiB',
  LOG_LEVEL: 'info',
  NODE_OPTIONS: `--expose-gc --import=${COLLECTS}`
}

const skip = process.platform !== 'linux' && 'needs /proc'

t.test(
  'whatever dies or fails, nobody hangs, gets another one’s answer or loses a session',
  { skip },
  async (t) => {
    t.comment(`CHAOS_SEED=${SEED} CHAOS_SECONDS=${SECONDS}`)
    const entry = await bundleProgram(t)
    const sandbox = await startSandbox({ users: chaosUsers(USERS) })
    t.teardown(() => sandbox.close())
    const people = deliverLetters(sandbox)
    const settings = { ...SETTINGS, WORKER_ENTRY: entry }
    const home = await openGatewayHome(t, { users: sandbox, settings })
    const { tally, details, report } = openTally()
    const partsOf = (n: number, what: string) => {
      const [person, user] = [people[n], home.users[n]]
      if (!person || !user) throw new Error('there are not so many people')
      const endpoint = { url: home.url, token: user.token }
      return { endpoint, person, report, random: createRandom(`${SEED} ${n} ${what}`) }
    }
    const clients = people.flatMap((_, n) =>
      (['legacy', 'modern'] as const).map((era) => new ChaosClient({ era, ...partsOf(n, era) }))
    )

    const first = home.start()
    await first.said('"msg":"ready"')
    await until(() => nodesOf(entry).length === 1, QUIET_MS) // the warm one
    const files = openFilesOf(first.pid)
    const streams: ChaosStream[] = []
    for (const [index, client] of clients.entries()) {
      const session = await client.open()
      const n = Math.floor(index / 2)
      streams.push(new ChaosStream({ session, ...partsOf(n, `stream ${index % 2}`) }))
    }
    t.equal(await calm(clients, CALM_MS), 0, 'before it begins every client is served')
    await sleepAll(home, entry)
    const heap = await heapOf(home, first)

    const stopping = new AbortController()
    const { signal } = stopping
    const running = [...clients, ...streams].map((one) => one.run(signal))
    const failing = letGoogleFail(sandbox, createRandom(`${SEED} google`), signal)
    const random = createRandom(SEED)
    const chaos = { home, entry, clients, random, seconds: SECONDS }
    const { gateway, exits, kills, done } = await letChaosRule(chaos, first)
    stopping.abort()
    await Promise.all(running)
    t.comment('done', { ...done, killed: kills, exits }, await failing)
    t.comment('met', Object.fromEntries(tally))

    t.ok(exits.length > 0, 'a gateway took over from another one')
    t.ok(
      exits.every((exit) => exit === 0),
      'whoever had a successor ended as it should'
    )
    t.equal(
      await calm(clients, CALM_MS),
      0,
      'at the end every client is served, under its first session id'
    )
    const opened = await Promise.all(streams.map((stream) => stream.opens()))
    t.same(opened, Array(2 * USERS).fill(true), 'every stream can be opened')
    for (const outcome of MUST_NOT_BE)
      t.equal(tally.get(outcome) ?? 0, 0, `no call was ${outcome}`, { details: [...details] })
    const [answered = 0, ...others] = HEARD.map((outcome) => tally.get(outcome) ?? 0)
    t.ok(answered > others.reduce((a, b) => a + b), 'most calls that a gateway heard are answered')
    const mistakes = people.flatMap((person) => mistakesIn(sandbox.mailbox(person.email), person))
    t.same(mistakes, [], 'what was written is in its own mailbox, and in no other')
    const metrics = await home.metrics()
    t.equal(metrics.get('gmail_mcp_misroutes_blocked_total'), 0)
    const sessions = [...metrics].filter(([name]) => name.startsWith('gmail_mcp_sessions{'))
    t.equal(sum(sessions), USERS, 'there is no session but those that were opened')
    const woken = 'gmail_mcp_session_resumes_total{cause="hibernation",result="ok"}'
    t.ok(
      (metrics.get(woken) ?? 0) > 0,
      'sessions slept meanwhile, since there are more people than places'
    )
    t.comment('lately', Object.fromEntries([...metrics].filter(isTold)))

    await sleepAll(home, entry)
    t.equal(nodesOf(entry).length, 1, 'only a warm worker is left')
    const heapAfter = await heapOf(home, gateway)
    t.comment('heap', { before: heap, after: heapAfter })
    t.ok(heapAfter - heap < HEAP_BYTES, 'the gateway keeps nothing of what it served')
    await closeConnections()
    const { port } = new URL(sandbox.url)
    const toGoogle = () => connectionsOf(Number(port)) // only the gateway's own, kept for its next question
    const filesAfter = () => openFilesOf(gateway.pid) - toGoogle()
    await until(() => filesAfter() <= files, QUIET_MS)
    t.ok(filesAfter() <= files, 'no file or socket is left open', {
      before: files,
      after: filesAfter(),
      toGoogle: toGoogle()
    })
    gateway.kill('SIGTERM')
    t.equal(await gateway.gone, 0)
    t.same(processesOf(entry), [], 'no process outlives the gateway')
    t.ok(await until(() => toGoogle() === 0, QUIET_MS), 'nobody talks to Google')
  }
)

const sum = (counts: Iterable<readonly [string, number]>): number =>
  [...counts].reduce((total, [, count]) => total + count, 0)

/** Whether a series tells what happened to workers or sessions. */
const isTold = ([name, value]: [string, number]): boolean =>
  /^gmail_mcp_(worker_exits|session_resumes|sessions|rejected)/.test(name) && value > 0

/** The path of the program that the workers run. */
async function bundleProgram(t: Test): Promise<string> {
  const directory = t.testdir()
  await bundleWorker(HARMFUL, directory)
  await bundleMimeThread(directory)
  await stopBundler()
  return join(directory, 'main.mjs')
}

function openTally() {
  const tally = new Map<Outcome, number>()
  const details = new Set<string>()
  const report: Report = (outcome, detail) => {
    tally.set(outcome, (tally.get(outcome) ?? 0) + 1)
    if (MUST_NOT_BE.some((bad) => bad === outcome)) details.add(`${outcome} ${detail}`)
  }
  return { tally, details, report }
}

/** Ends every worker; resolves when only a warm one is left. */
async function sleepAll(home: GatewayHome, entry: string): Promise<void> {
  for (const { id } of await home.workers()) await home.stopWorker(id)
  await until(() => nodesOf(entry).length === 1, QUIET_MS)
}

/** Bytes that the gateway's objects take when nothing of them is garbage. */
async function heapOf(home: GatewayHome, gateway: GatewayProcess): Promise<number> {
  const seen: number[] = []
  while (seen.length < 5) {
    gateway.kill('SIGWINCH')
    await delay(100)
    seen.push((await home.metrics()).get('nodejs_heap_size_used_bytes') ?? Number.NaN)
  }
  return Math.min(...seen)
}

/** The connections that `fetch` keeps are the test's, not the gateway's. */
async function closeConnections(): Promise<void> {
  const key = Symbol.for('undici.globalDispatcher.1')
  const dispatcher = Reflect.get(globalThis, key) as { close(): Promise<void> }
  await dispatcher.close()
}
