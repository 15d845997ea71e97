import { writeFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { stop as stopBundler } from 'esbuild'
import t, { type Test } from 'tap'
import { bundleMimeThread, bundleWorker } from '../../ops/build.ts'
import { createRandom } from '../../ops/sandbox/random.ts'
import { startSandbox } from '../../ops/sandbox/sandbox.ts'
import { openGatewayHome } from '../helpers/gateway-home.ts'
import { withoutPostgres } from '../helpers/postgres.ts'
import { calm } from './calm.ts'
import { letGoogleFail } from './chaos-google.ts'
import { chaosUsers, deliverLetters, mistakesIn } from './chaos-mail.ts'
import { MUST_NOT_BE, type Outcome, type Report } from './chaos-outcome.ts'
import { ChaosStream } from './chaos-stream.ts'
import { startDatabasePair } from './hosts/database-pair.ts'
import { openGatewayHost, withoutClocks } from './hosts/gateway-hosts.ts'
import { GMAIL, seenAs, serveGmailTo } from './hosts/gmail-for-hosts.ts'
import { doHarms, harmsOf } from './hosts/harms.ts'
import { openHostNetwork, withoutHosts } from './hosts/network.ts'
import { createCertificates } from './hosts/peer-certificates.ts'
import { anyOf, HostClient } from './hosts/people.ts'
import { mayCall, noteTakes, TokenWatch } from './hosts/token-watch.ts'

/** Calls to be made in all; a few seconds of them when it is not said. `npm run hosts` says it. */
const CALLS = Number(process.env.HOSTS_CALLS ?? 0)
const SEED = process.env.HOSTS_SEED ?? String(Date.now())
/** It ends after so long in any case. */
const MOST_MS = Number(process.env.HOSTS_SECONDS ?? Number.POSITIVE_INFINITY) * 1000
const IS_LONG = CALLS > 0
const SHORT_MS = 6000
const USERS = IS_LONG ? 12 : 4
const PACE = IS_LONG
  ? { betweenMs: 12_000, longestMs: 25_000 }
  : { betweenMs: 1500, longestMs: 3000 }
const CLOCKS = ['-300', '+0', '+300']
/** Longer than a lease of the dead, and a start on a busy machine. */
const CALM_MS = IS_LONG ? 180_000 : 60_000

t.setTimeout(IS_LONG ? 0 : 180_000)

const SETTINGS = {
  WARM_WORKERS: '0',
  WORKER_LIMIT: '24',
  WORKER_START_TIMEOUT: '30s', // a busy machine may be slow; that is not what is tried here
  QUEUE_WAIT: '30s',
  DATABASE_POOL: '6',
  LOG_LEVEL: 'info'
}

const skip = withoutPostgres || withoutHosts || withoutClocks

t.test(
  'three hosts over a database that fails over: whatever is cut, stopped or killed, nobody hangs, is served twice at once, or gets another one’s answer',
  { skip },
  async (t) => {
    t.comment(`HOSTS_SEED=${SEED} HOSTS_CALLS=${CALLS}`)
    const random = createRandom(SEED)
    const { entry, directory } = await bundleProgram(t)
    const network = await openHostNetwork(t)
    const databaseHosts = [await network.addHost('db1'), await network.addHost('db2')] as const
    const database = await startDatabasePair(t, databaseHosts)
    const certificates = await createCertificates(directory)
    const sandbox = await startSandbox({ users: chaosUsers(USERS), issuer: () => gmail })
    t.teardown(() => sandbox.close())
    const people = deliverLetters(sandbox)
    const gmail: string = await serveGmailTo(t, sandbox, network.outside, certificates)
    const home = await openGatewayHome(t, {
      users: sandbox,
      settings: {
        ...SETTINGS,
        WORKER_ENTRY: entry,
        DATABASE_URL: database.url,
        PUBLIC_URL: 'https://mail.example',
        GMAIL_API_URL: gmail,
        GOOGLE_ISSUER_URL: gmail,
        NODE_EXTRA_CA_CERTS: join(directory, 'ca.crt')
      }
    })
    await noteTakes(database)
    const names = join(directory, 'hosts')
    await writeFile(names, `127.0.0.1 localhost\n${network.outside} ${GMAIL}\n`)
    const gateways = await Promise.all(
      CLOCKS.map(async (clock, n) => {
        const host = await network.addHost(`gw${n + 1}`)
        return openGatewayHost({ home, network: host, certificates, names, clock })
      })
    )
    t.teardown(() => {
      const kept = process.env.HOSTS_LOGS
      if (kept === undefined) return
      for (const { output, network } of gateways)
        writeFileSync(join(kept, `${network.name}.log`), output())
    })
    await Promise.all(gateways.map((gateway) => gateway.start()))

    const { tally, details, report, calls } = openTally()
    const urls = gateways.map(({ url }) => url)
    const clients = people.flatMap((person, n) =>
      (['legacy', 'modern'] as const).map((era) => {
        const parts = { urls, token: home.users[n]?.token ?? '', era, person, report, pauseMs: 100 }
        return new HostClient({ ...parts, random: createRandom(`${SEED} ${n} ${era}`) })
      })
    )
    const sessions = await Promise.all(clients.map((client) => client.open()))
    const streams = clients.map(({ person }, n) => {
      const random = createRandom(`${SEED} ${n} stream`)
      const token = home.users[Math.floor(n / 2)]?.token ?? ''
      const endpoint = anyOf(urls, token, random)
      return new ChaosStream({ endpoint, session: sessions[n], person, random, report })
    })
    const unserved = await calm(clients, CALM_MS)
    if (unserved > 0) throw new Error(`${unserved} clients were not served before it began`)

    const watch = new TokenWatch(sandbox)
    const collecting = setInterval(() => watch.collect(), 2000)
    t.teardown(() => clearInterval(collecting))
    const stopping = new AbortController()
    const { signal } = stopping
    const running = [...clients, ...streams].map((one) => one.run(signal))
    const failing = letGoogleFail(sandbox, createRandom(`${SEED} google`), signal)
    const parts = { network, database, databaseHosts, gateways, entry }
    const harming = doHarms(parts, harmsOf(random, gateways.length, PACE), signal)
    const enough = async (): Promise<void> => {
      const end = performance.now() + MOST_MS
      const isOver = () => calls() >= CALLS || performance.now() > end || signal.aborted
      if (IS_LONG) while (!isOver()) await told(t, calls)
      else await delay(SHORT_MS)
    }
    await Promise.race([enough(), harming]).finally(() => stopping.abort())
    await Promise.all(running)
    t.comment('done', await harming, await failing)
    t.comment('met', Object.fromEntries(tally), `of ${calls()} calls`)

    t.equal(
      await calm(clients, CALM_MS),
      0,
      'at the end every client is served, under its first session id'
    )
    for (const outcome of MUST_NOT_BE)
      t.equal(tally.get(outcome) ?? 0, 0, `no call was ${outcome}`, { details: [...details] })
    t.ok((tally.get('answered') ?? 0) > 0)
    const mistakes = people.flatMap((person) => mistakesIn(sandbox.mailbox(person.email), person))
    t.same(mistakes, [], 'what was written is in its own mailbox, once, and in no other')
    const second = await watch.secondWorkers(
      database,
      (from) =>
        gateways.find(({ network }) => seenAs(network.address) === from)?.network.name ?? from,
      (peer) => gateways.find(({ peerUrl }) => peerUrl === peer)?.network.name ?? peer
    )
    t.comment(`${watch.count} requests at Gmail`)
    t.ok(watch.count > 0)
    t.same(second.slice(0, 20), [], 'nobody had two workers with a live token at once')
    for (const { output, network } of gateways)
      t.notMatch(output(), /misroute/i, `${network.name} blocked no misrouted answer`)
  }
)

t.test('a request by whom another one has taken the lease from is told', (t) => {
  const history = [
    { at: 10_000, host: 'a' },
    { at: 50_000, host: 'b' }
  ]
  t.ok(mayCall(history, 'a', 49_000))
  t.ok(mayCall(history, 'a', 50_500), 'it may have come before, and waited')
  t.notOk(mayCall(history, 'a', 60_000))
  t.ok(mayCall(history, 'b', 60_000))
  t.notOk(mayCall(history, 'b', 49_000))
  t.end()
})

/** The path of the program that the workers run. */
async function bundleProgram(t: Test) {
  const directory = t.testdir()
  await bundleWorker(fileURLToPath(new URL('../../worker/main.ts', import.meta.url)), directory)
  await bundleMimeThread(directory)
  await stopBundler()
  return { entry: join(directory, 'main.mjs'), directory }
}

function openTally() {
  const tally = new Map<Outcome, number>()
  const details = new Set<string>()
  let calls = 0
  const report: Report = (outcome, detail) => {
    if (outcome !== 'listened') calls += 1
    tally.set(outcome, (tally.get(outcome) ?? 0) + 1)
    if (MUST_NOT_BE.some((bad) => bad === outcome)) details.add(`${outcome} ${detail}`)
  }
  return { tally, details, report, calls: () => calls }
}

async function told(t: Test, calls: () => number): Promise<void> {
  await delay(30_000)
  t.comment(`${calls()} calls`)
}
