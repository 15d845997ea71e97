import { setTimeout as sleep } from 'node:timers/promises'
import { type Bench, runLoad, sideOf } from '../bench.ts'
import type { Checkout } from '../checkout.ts'
import { GatewayProcess } from '../gateway-process.ts'
import type { LoadPlan, LoadResult } from '../load-plan.ts'
import type { Section } from '../markdown.ts'
import { McpClient, startSession } from '../mcp-client.ts'
import { median, percentile } from '../percentile.ts'
import { privateMemoryBelow } from '../private-memory.ts'
import type { Budget, Row } from '../result-row.ts'
import { timed } from '../timed.ts'

const USERS = 20
/** Rounds are short, and a machine is slower at some times than at others. */
const TURN_MS = 400
const TURNS = 4
const STARTS_A_COMPARISON = 4
/** A worker tidies up when nobody has called for ten seconds. */
const REST_MS = 12_000
const MB = 1e6
const MOST: Budget = { kind: 'ratio at most', limit: 1.05 }
const LEAST: Budget = { kind: 'ratio at least', limit: 0.95 }

/** The ways to keep workers apart. A build that does not know one does what it did. */
const MODES: Readonly<Record<string, (first: number) => Record<string, string>>> = {
  namespaces: () => ({ ISOLATION: 'namespaces' }),
  uids: (first) => ({ ISOLATION: 'uids', WORKER_UIDS: `${first}-${first + 199}` }),
  none: () => ({ ISOLATION: 'none' })
}

/** What this build costs beside another one, in each mode. */
export async function against(bench: Bench): Promise<Section> {
  const [other] = bench.others
  if (!other) throw new Error('Say which build to compare with: --against <directory>')
  const rows: Row[] = []
  for (const [mode, settings] of Object.entries(MODES))
    for (const row of await compare(bench, other, settings))
      rows.push({ ...row, what: `${mode}: ${row.what}` })
  return {
    title: 'Beside the other build',
    rows,
    notes: [
      `Both gateways run at the same time and are measured in turns, ${bench.effort.comparisons} times; a ratio is the median of theirs. Added to a call: its p50 less that of a call straight to a worker of the other build. Start of a worker: from the need to the first call, by its gateway. Memory: of a worker and what stands around it, at rest after a session and a call.`
    ]
  }
}

interface Side {
  readonly name: 'this build' | 'the other build'
  readonly gateway: GatewayProcess
}

async function compare(
  bench: Bench,
  other: Checkout,
  settings: (first: number) => Record<string, string>
): Promise<Row[]> {
  const { comparisons } = bench.effort
  const users = USERS + comparisons * STARTS_A_COMPARISON + 1
  const start = (checkout: Pick<Checkout, 'place' | 'gateway'>, first: number) =>
    GatewayProcess.start(checkout, { users, warmWorkers: 0, settings: settings(first) })
  await using ours = await start(bench, 200_000)
  await using theirs = await start(other, 300_000)
  const sides: Side[] = [
    { name: 'this build', gateway: ours },
    { name: 'the other build', gateway: theirs }
  ]
  return [
    ...(await calls(bench, other, sides)),
    ...(await throughput(bench, sides)),
    ...(await sessionStart(bench, sides)),
    ...(await coldStarts(bench, sides)),
    await memory(sides)
  ]
}

/** A call of one person, alone. */
async function calls(bench: Bench, other: Checkout, sides: readonly Side[]): Promise<Row[]> {
  const { WorkerLauncher, directTarget } = await other.module('worker-launcher')
  const { directory, programs } = other.place
  await using launcher = await WorkerLauncher.open({ directory, entry: programs.worker })
  const direct = await directTarget(await launcher.startAssigned(), directory)
  const clients = sides.map(({ name, gateway }) => ({
    name,
    root: gateway.pid,
    clients: [gateway.target(0)]
  }))
  const plan = { sides: [...clients, { name: 'straight', clients: [direct] }] }
  const p50 = ({ latencies }: Measured): number => percentile(latencies, 0.5)
  const results = await inTurns(bench, plan)
  return [
    rowOf('a call, p50', 'ms', results, ({ measured }, side) => p50(sideOf(measured, side))),
    rowOf(
      'added to a call, p50',
      'ms',
      results,
      ({ measured }, side) => p50(sideOf(measured, side)) - p50(sideOf(measured, 'straight'))
    ),
    ...processorRows('a call', results)
  ]
}

type Measured = LoadResult[string]

async function throughput(bench: Bench, sides: readonly Side[]): Promise<Row[]> {
  const plan = {
    sides: sides.map(({ name, gateway }) => ({
      name,
      root: gateway.pid,
      clients: Array.from({ length: USERS }, (_, n) => gateway.target(n))
    }))
  }
  const results = await inTurns(bench, plan)
  const rate = ({ latencies, seconds }: Measured): number => latencies.length / seconds
  const figure = ({ measured }: Result, side: string): number => rate(sideOf(measured, side))
  const what = `calls of ${USERS} people`
  return [
    { ...rowOf(what, 'calls/s', results, figure), budget: LEAST },
    ...processorRows(what, results)
  ]
}

async function sessionStart(bench: Bench, sides: readonly Side[]): Promise<Row[]> {
  const plan = {
    deed: 'start',
    sides: sides.map(({ name, gateway }) => ({
      name,
      root: gateway.pid,
      clients: [gateway.target(0)]
    }))
  } as const
  const results = await inTurns(bench, plan)
  const what = 'session start, the worker runs'
  return [
    rowOf(`${what}, p50`, 'ms', results, ({ measured }, side) =>
      percentile(sideOf(measured, side).latencies, 0.5)
    ),
    ...processorRows(what, results)
  ]
}

const PARTS = [
  ['gateway', 'root'],
  ['workers', 'below']
] as const

const processorRows = (what: string, results: readonly Result[]): Row[] =>
  PARTS.map(([where, part]) =>
    rowOf(`${what}: processor time, ${where}`, 'µs', results, ({ measured }, side) => {
      const { spent, latencies } = sideOf(measured, side)
      return (spent[part] * 1e6) / latencies.length
    })
  )

interface Result {
  readonly measured: LoadResult
}

async function inTurns(bench: Bench, plan: Pick<LoadPlan, 'sides' | 'deed'>): Promise<Result[]> {
  const results: Result[] = []
  await runLoad(bench, { ...plan, rounds: 1, roundMs: TURN_MS }) // every worker has started
  for (let n = 0; n < bench.effort.comparisons; n += 1) {
    const turned = n % 2 === 0 ? plan.sides : plan.sides.toReversed()
    const turns = { rounds: TURNS, roundMs: TURN_MS }
    const measured = await runLoad(bench, { ...plan, ...turns, sides: turned })
    results.push({ measured })
  }
  return results
}

/** Sessions of people who have no worker yet; the first of each side counts for nothing. */
async function coldStarts(bench: Bench, sides: readonly Side[]): Promise<Row[]> {
  const workers: Pair[] = []
  const sessions: Pair[] = []
  const count = bench.effort.comparisons * STARTS_A_COMPARISON
  for (let n = 0; n <= count; n += 1) {
    const worker: Record<string, number> = {}
    const session: Record<string, number> = {}
    for (const { name, gateway } of n % 2 === 0 ? sides : sides.toReversed()) {
      await using client = new McpClient(gateway.target(USERS + n))
      const before = await gateway.startSeconds()
      session[name] = await timed(() => startSession(client))
      worker[name] = ((await gateway.startSeconds()) - before) * 1000
      await gateway.hibernate(USERS + n)
    }
    if (n === 0) continue
    workers.push(worker)
    sessions.push(session)
  }
  const figure = (pair: Pair, side: string): number => pair[side] ?? Number.NaN
  return [
    rowOf('start of a worker', 'ms', workers, figure),
    rowOf('session start, the worker starts, p50', 'ms', sessions, figure)
  ]
}

type Pair = Readonly<Record<string, number>>

/** The workers of the people who called before. */
async function memory(sides: readonly Side[]): Promise<Row> {
  await sleep(REST_MS)
  const sizes: Record<string, number> = {}
  for (const { name, gateway } of sides) {
    const workers = await gateway.workers()
    const each = workers.map(({ pid }) => privateMemoryBelow(gateway.pid, pid))
    sizes[name] = median(await Promise.all(each)) / MB
  }
  return rowOf('memory of a worker', 'MB', [sizes], (pair, side) => pair[side] ?? Number.NaN)
}

function rowOf<T>(
  what: string,
  unit: Row['unit'],
  results: readonly T[],
  figure: (result: T, side: Side['name']) => number
): Row {
  const ours = results.map((result) => figure(result, 'this build'))
  const theirs = results.map((result) => figure(result, 'the other build'))
  return {
    what,
    unit,
    ours: median(ours),
    against: { name: 'the other build', figure: median(theirs) },
    ratio: median(ours.map((value, n) => value / (theirs[n] ?? Number.NaN))),
    budget: MOST
  }
}
