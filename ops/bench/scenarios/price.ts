import { setTimeout as sleep } from 'node:timers/promises'
import { type Bench, runLoad, sideOf } from '../bench.ts'
import type { Checkout } from '../checkout.ts'
import { GatewayProcess } from '../gateway-process.ts'
import type { LoadPlan, LoadResult } from '../load-plan.ts'
import type { Section } from '../markdown.ts'
import type { Target } from '../mcp-client.ts'
import { startOneProcessServer } from '../one-process-server.ts'
import { startPeers } from '../peers.ts'
import { percentile } from '../percentile.ts'
import { processorTime, withAllBelow } from '../processor-time.ts'
import type { Row } from '../result-row.ts'

/** People at work call this often, on average. */
const HUMAN_PACE = 1 / 5
/** Seldom enough that a worker has tidied up since the last call. */
const SELDOM_PACE = 1 / 15
/** Rounds are short, so that a time when the machine is busy meets all sides. */
const TURN_MS = 400
const ERAS = ['2025', '2026'] as const
type Era = (typeof ERAS)[number]

interface Side {
  readonly name: string
  readonly root: number
  readonly eras: readonly Era[]
  target(n: number): Target
}

/**
 * What a call of a tool that does nothing costs, without a pause and at the pace of people, in both eras of the
 * protocol, beside other builds, one process for all, and, if asked for, programs of others.
 */
export async function price(bench: Bench): Promise<Section> {
  const { people, atHumanPace, windowMs } = bench.effort.price
  const most = Math.max(...people, ...atHumanPace)
  await using open = new AsyncDisposableStack()
  const start = (checkout: Pick<Checkout, 'place' | 'gateway'>): Promise<GatewayProcess> =>
    GatewayProcess.start(checkout, { users: most, warmWorkers: 0 })
  const sides: Side[] = [gatewaySide('this build', open.use(await start(bench)))]
  for (const other of bench.others)
    sides.push(gatewaySide(other.root, open.use(await start(other))))
  const server = open.use(await startOneProcessServer(bench.place.programs.oneProcess))
  sides.push(otherSide('one process for all', server))
  if (bench.peers) {
    for (const peer of await startPeers(bench.place))
      sides.push(otherSide(peer.name, open.use(peer)))
  }
  const rows: Row[] = []
  for (const count of people) rows.push(...(await withoutPause(bench, sides, count)))
  for (const count of atHumanPace) rows.push(...(await atPace(bench, sides, count, HUMAN_PACE)))
  for (const count of atHumanPace.slice(0, 1))
    rows.push(...(await atPace(bench, sides, count, SELDOM_PACE)))
  rows.push(...(await atRest(sides, windowMs)))
  return {
    title: 'The price of a call',
    rows,
    notes: [
      `A tool that does nothing. Sides take turns of ${TURN_MS} ms, or of ${windowMs / 1000} s where people pause. Processor time is that of all processes of a side in its own turns, for each call; where people pause, with what is spent in the pauses.`
    ]
  }
}

const gatewaySide = (name: string, gateway: GatewayProcess): Side => ({
  name,
  root: gateway.pid,
  eras: ERAS,
  target: (n) => gateway.target(n)
})

const otherSide = (name: string, { pid, target }: { pid: number; target: Target }): Side => ({
  name,
  root: pid,
  eras: ['2025'],
  target: () => target
})

type Measured = LoadResult[string]
type Figure = readonly [what: string, unit: Row['unit'], of: (side: Measured) => number]

const COST: readonly Figure[] = [
  ['processor time', 'µs', ({ spent, latencies }) => perCall(spent.root + spent.below, latencies)],
  ['processor time, first process', 'µs', ({ spent, latencies }) => perCall(spent.root, latencies)],
  ['processor time, others', 'µs', ({ spent, latencies }) => perCall(spent.below, latencies)]
]
const LATENCY: readonly Figure[] = [0.5, 0.99].map((share) => [
  `p${share * 100}`,
  'ms',
  ({ latencies }) => percentile(latencies, share)
])
const RATE: Figure = ['calls', 'calls/s', ({ latencies, seconds }) => latencies.length / seconds]

const perCall = (seconds: number, { length }: readonly number[]): number => (seconds * 1e6) / length

async function withoutPause(bench: Bench, sides: readonly Side[], count: number): Promise<Row[]> {
  const plan = { sides: planOf(sides, count) }
  await runLoad(bench, { ...plan, rounds: 1, roundMs: TURN_MS }) // every worker has started
  const { rounds, roundMs } = bench.effort
  const turns = { rounds: Math.ceil((rounds * roundMs) / TURN_MS), roundMs: TURN_MS }
  const result = await runLoad(bench, { ...plan, ...turns })
  return rowsOf(`${people(count)}, no pause`, sides, result, [RATE, ...LATENCY, ...COST])
}

async function atPace(
  bench: Bench,
  sides: readonly Side[],
  count: number,
  pace: number
): Promise<Row[]> {
  // At least two calls of each.
  const roundMs = Math.max(bench.effort.price.windowMs, 2000 / pace)
  const plan = { sides: planOf(sides, count), rounds: 1, roundMs, pace }
  const result = await runLoad(bench, plan)
  const what = `${people(count)}, a call every ${1 / pace} s each`
  return rowsOf(what, sides, result, [...LATENCY, ...COST])
}

const people = (count: number): string => (count === 1 ? 'one person' : `${count} people`)

const nameOf = ({ name }: Side, era: Era): string => `${name} ${era}`

const planOf = (sides: readonly Side[], count: number): LoadPlan['sides'] =>
  sides.flatMap((side) =>
    side.eras.map((era) => ({
      name: nameOf(side, era),
      root: side.root,
      clients: Array.from({ length: count }, (_, n) => ({ ...side.target(n), era }))
    }))
  )

/** Each figure beside that of each other side in the same era; what has one era only is beside the older one. */
function rowsOf(
  what: string,
  [ours, ...others]: readonly Side[],
  result: LoadResult,
  figures: readonly Figure[]
): Row[] {
  if (!ours) return []
  return ERAS.flatMap((era) =>
    figures.flatMap(([name, unit, of]) => {
      const row = {
        what: `${what}, ${ERA_NAMES[era]}: ${name}`,
        unit,
        ours: of(sideOf(result, nameOf(ours, era)))
      } as const
      const beside = others.filter(({ eras }) => eras.includes(era))
      const rows: Row[] = beside.map((side) => ({
        ...row,
        against: { name: side.name, figure: of(sideOf(result, nameOf(side, era))) }
      }))
      const older = of(sideOf(result, nameOf(ours, '2025')))
      if (era !== '2025')
        rows.push({ ...row, against: { name: 'this build, 2025', figure: older } })
      return rows
    })
  )
}

const ERA_NAMES: Readonly<Record<Era, string>> = { '2025': '2025-11-25', '2026': '2026-07-28' }

/** Everybody has called, and nobody does any more. */
async function atRest(sides: readonly Side[], windowMs: number): Promise<Row[]> {
  const trees = await Promise.all(sides.map(({ root }) => withAllBelow(root)))
  const read = () => Promise.all(trees.map(processorTime))
  await sleep(windowMs) // for what tidies up after the last call
  const before = await read()
  const since = performance.now()
  await sleep(windowMs)
  const after = await read()
  const seconds = (performance.now() - since) / 1000
  const [ours = 0, ...others] = after.map((time, n) => ((time - (before[n] ?? 0)) * 1000) / seconds)
  const processes = trees.map(({ length }) => length)
  return others.map((figure, n) => ({
    what: `nobody calls, ${processes[0]} processes: processor time`,
    unit: 'ms/s',
    ours,
    against: { name: `${sides[n + 1]?.name}, ${processes[n + 1]}`, figure }
  }))
}
