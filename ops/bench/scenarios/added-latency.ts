import { type Bench, runLoad, sideOf } from '../bench.ts'
import { GatewayProcess } from '../gateway-process.ts'
import type { LoadPlan } from '../load-plan.ts'
import type { Section } from '../markdown.ts'
import type { Target } from '../mcp-client.ts'
import { Nginx } from '../nginx.ts'
import { percentile } from '../percentile.ts'
import type { Row } from '../result-row.ts'
import type { Effort } from '../sample-sizes.ts'
import { directTarget, WorkerLauncher } from '../worker-launcher.ts'

const P50_MS = 0.5
const TIMES_NGINX = 2.5
const TURNS = 8

/** What stands between client and worker adds this much to a call. */
export async function addedLatency(bench: Bench): Promise<Section> {
  const { directory, programs } = bench.place
  await using gateway = await GatewayProcess.start(bench, { users: 1, warmWorkers: 0 })
  await using launcher = await WorkerLauncher.open({ directory, entry: programs.worker })
  const worker = await launcher.startAssigned()
  const direct = await directTarget(worker, directory)
  await using nginx = await Nginx.start(directory, direct.socketPath)
  const targets = new Map<string, Target>([
    ['direct', direct],
    ['gateway', gateway.target(0)]
  ])
  if (nginx) targets.set('nginx', nginx.inFrontOf(direct))

  const rows: Row[] = []
  for (const connections of [1, 16]) {
    const sides = [...targets].map(([name, target]) => ({
      name,
      clients: Array.from({ length: connections }, () => target)
    }))
    const result = await runLoad(bench, { sides, ...inTurns(bench.effort) })
    const at = (side: string, share: number): number =>
      percentile(sideOf(result, side).latencies, share)
    for (const share of [0.5, 0.99]) rows.push(...rowsAt(connections, share, at, nginx))
  }
  const notes = [
    'Added: the percentile through the proxy minus the percentile straight to the worker. A worker has no name, so "straight" is through a process that only passes on bytes.'
  ]
  if (!nginx) notes.push('nginx: not installed on this machine.')
  return { title: 'Latency of one tools/call', rows, notes }
}

/** What is compared by tenths of a millisecond takes turns quickly: a machine is slower at some times than at others. */
const inTurns = ({ rounds, roundMs }: Effort): Pick<LoadPlan, 'rounds' | 'roundMs'> => ({
  rounds: rounds * TURNS,
  roundMs: roundMs / TURNS
})

function rowsAt(
  connections: number,
  share: number,
  at: (side: string, share: number) => number,
  nginx: Nginx | undefined
): Row[] {
  const what = `p${share * 100}, ${connections} connection${connections > 1 ? 's' : ''}`
  const [ours, direct] = [at('gateway', share), at('direct', share)]
  const whole = (name: string, figure: number): Row => ({
    what: `${what}, whole call`,
    unit: 'ms',
    ours,
    against: { name, figure }
  })
  const rows = [whole('straight to the worker', direct)]
  if (nginx) rows.push(whole('through nginx', at('nginx', share)))
  if (connections > 1 || share !== 0.5) return rows
  // Where requests wait for each other, differences of percentiles mean nothing.
  const added = { what: `${what}, added`, unit: 'ms', ours: ours - direct } as const
  rows.push({ ...added, budget: { kind: 'at most', limit: P50_MS } })
  if (nginx) {
    rows.push({
      ...added,
      against: { name: 'added by nginx', figure: at('nginx', share) - direct },
      budget: { kind: 'ratio at most', limit: TIMES_NGINX }
    })
  }
  return rows
}
