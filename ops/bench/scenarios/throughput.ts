import { type Bench, runLoad, sideOf } from '../bench.ts'
import { GatewayProcess } from '../gateway-process.ts'
import type { LoadPlan, LoadResult } from '../load-plan.ts'
import type { Section } from '../markdown.ts'
import { type OneProcessServer, startOneProcessServer } from '../one-process-server.ts'
import { percentile } from '../percentile.ts'
import type { Budget, Row } from '../result-row.ts'

const USERS = 20
/** What a tool of ours computes for a few messages: parsing, sorting, JSON. */
const WORK_MS = 2
const ONE_PROCESS = 'one process for all'
const BUDGET: Budget = { kind: 'ratio at least', limit: 1 }

/** How many calls are served to twenty people who never pause. */
export async function throughput(bench: Bench): Promise<Section> {
  await using gateway = await GatewayProcess.start(bench, { users: USERS, warmWorkers: 0 })
  await using server = await startOneProcessServer(bench.place.programs.oneProcess)
  const empty = await measure(bench, gateway, server, {})
  const working = await measure(bench, gateway, server, { tool: 'burn', args: { ms: WORK_MS } })
  return {
    title: `Calls per second over ${USERS} people`,
    rows: [
      ...rowsOf('a tool that does nothing', empty, BUDGET),
      ...rowsOf(`a tool that computes for ${WORK_MS} ms`, working),
      cpuRow('the gateway itself', empty, 'root'),
      cpuRow('all workers', empty, 'below')
    ],
    notes: [
      'The load generator shares the cores. Processor time is for the tool that does nothing.'
    ]
  }
}

interface Measured {
  readonly ours: LoadResult[string]
  readonly theirs: LoadResult[string]
}

async function measure(
  bench: Bench,
  gateway: GatewayProcess,
  server: OneProcessServer,
  tool: Pick<LoadPlan, 'tool' | 'args'>
): Promise<Measured> {
  const { rounds, roundMs } = bench.effort
  const sides = [
    {
      name: 'gateway',
      root: gateway.pid,
      clients: Array.from({ length: USERS }, (_, n) => gateway.target(n))
    },
    {
      name: ONE_PROCESS,
      root: server.pid,
      clients: Array.from({ length: USERS }, () => server.target)
    }
  ]
  // Everybody's worker has started and served before anything is counted.
  await runLoad(bench, { ...tool, sides, rounds: 1, roundMs })
  const result = await runLoad(bench, { ...tool, sides, rounds, roundMs })
  return { ours: sideOf(result, 'gateway'), theirs: sideOf(result, ONE_PROCESS) }
}

function rowsOf(what: string, { ours, theirs }: Measured, budget?: Budget): Row[] {
  const rate = ({ latencies, seconds }: LoadResult[string]): number => latencies.length / seconds
  const p99 = ({ latencies }: LoadResult[string]): number => percentile(latencies, 0.99)
  const row = (
    what: string,
    unit: Row['unit'],
    figure: (side: LoadResult[string]) => number,
    budget?: Budget
  ): Row => ({
    what,
    unit,
    ours: figure(ours),
    against: { name: ONE_PROCESS, figure: figure(theirs) },
    ...(budget && { budget })
  })
  return [row(what, 'calls/s', rate, budget), row(`${what}, p99`, 'ms', p99)]
}

const cpuRow = (name: string, { ours, theirs }: Measured, part: 'root' | 'below'): Row => ({
  what: `processor time of a call, ${name}`,
  unit: 'µs',
  ours: (ours.spent[part] * 1e6) / ours.latencies.length,
  against: { name: ONE_PROCESS, figure: (theirs.spent.root * 1e6) / theirs.latencies.length }
})
