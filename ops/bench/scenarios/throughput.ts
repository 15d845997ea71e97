import { processUse } from '../../../gateway/supervisor/proc.ts'
import { type Bench, runLoad, sideOf } from '../bench.ts'
import { GatewayProcess } from '../gateway-process.ts'
import type { Section } from '../markdown.ts'
import { startOneProcessServer } from '../one-process-server.ts'
import { percentile } from '../percentile.ts'
import type { Row } from '../row.ts'

const USERS = 20
const ONE_PROCESS = 'one process for all'

/** How many calls are served to twenty people who never pause. */
export async function throughput(bench: Bench): Promise<Section> {
  await using gateway = await GatewayProcess.start(bench.place, { users: USERS, warmWorkers: 1 })
  await using server = await startOneProcessServer(bench.place.programs.oneProcess)
  const sides = [
    { name: 'gateway', clients: Array.from({ length: USERS }, (_, n) => gateway.target(n)) },
    { name: ONE_PROCESS, clients: Array.from({ length: USERS }, () => server.target) }
  ]
  const { rounds, roundMs } = bench.effort
  const result = await runLoad(bench, { sides, rounds, roundMs })
  const ours = sideOf(result, 'gateway')
  const theirs = sideOf(result, ONE_PROCESS)
  const rate = ({ latencies, seconds }: typeof ours): number => latencies.length / seconds
  const p99 = ({ latencies }: typeof ours): number => percentile(latencies, 0.99)

  const pids = (await gateway.workers()).map(({ pid }) => pid)
  const calls = ours.latencies.length
  return {
    title: `Calls per second over ${USERS} people`,
    rows: [
      {
        what: 'tools/call',
        unit: 'calls/s',
        ours: rate(ours),
        against: { name: ONE_PROCESS, figure: rate(theirs) },
        budget: { kind: 'ratio at least', limit: 1 }
      },
      {
        what: 'p99 meanwhile',
        unit: 'ms',
        ours: p99(ours),
        against: { name: ONE_PROCESS, figure: p99(theirs) }
      },
      await cpuRow('gateway alone', [gateway.pid], calls, server.pid, theirs.latencies.length),
      await cpuRow('all workers', pids, calls, server.pid, theirs.latencies.length)
    ],
    notes: [
      'The load generator takes part of the same cores; processor time counts the whole life of the processes.'
    ]
  }
}

async function cpuRow(
  name: string,
  pids: readonly number[],
  calls: number,
  otherPid: number,
  otherCalls: number
): Promise<Row> {
  let seconds = 0
  for (const pid of pids) seconds += await cpuSeconds(pid)
  return {
    what: `processor time of a call, ${name}`,
    unit: 'µs',
    ours: (seconds / calls) * 1e6,
    against: { name: ONE_PROCESS, figure: ((await cpuSeconds(otherPid)) / otherCalls) * 1e6 }
  }
}

const cpuSeconds = async (pid: number): Promise<number> => (await processUse(pid))?.cpuSeconds ?? 0
