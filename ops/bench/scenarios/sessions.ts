import type { Bench } from '../bench.ts'
import { GatewayProcess } from '../gateway-process.ts'
import type { Section } from '../markdown.ts'
import { McpClient, startSession, type Target } from '../mcp-client.ts'
import { startOneProcessServer } from '../one-process-server.ts'
import { percentile } from '../percentile.ts'
import type { Budget, Row } from '../row.ts'

const WARM_START: Budget = { kind: 'at most', limit: 10 }
const COLD_RESUME: Budget = { kind: 'at most', limit: 200 }
const WARM_RESUME: Budget = { kind: 'at most', limit: 30 }
const ONE_PROCESS = 'one process for all'

/** How long a session takes to begin, and to go on after its process went. */
export async function sessions(bench: Bench): Promise<Section> {
  const { starts, quickStarts } = bench.effort
  await using server = await startOneProcessServer(bench.place.programs.oneProcess)
  const theirs = await timeStarts(server.target, quickStarts)

  const cold = await fromNothing(bench, 0)
  const pooled = await fromNothing(bench, 1)
  const compare = (what: string, ours: readonly number[], budget?: Budget): Row[] =>
    [0.5, 0.99].map((share) => ({
      what: `session start, ${what}, p${share * 100}`,
      unit: 'ms',
      ours: percentile(ours, share),
      against: { name: ONE_PROCESS, figure: percentile(theirs, share) },
      ...(budget && share === 0.99 && { budget })
    }))
  const alone = (what: string, ours: readonly number[], budget?: Budget): Row[] =>
    [0.5, 0.99].map((share) => ({
      what: `${what}, p${share * 100}`,
      unit: 'ms',
      ours: percentile(ours, share),
      ...(budget && { budget })
    }))
  return {
    title: 'Sessions: start and resume',
    rows: [
      ...compare("the person's worker runs", cold.running, WARM_START),
      ...compare('worker from the warm pool', pooled.start),
      ...compare('worker starts', cold.start),
      ...alone('resume after hibernation, worker from the warm pool', pooled.resume, WARM_RESUME),
      ...alone('resume after hibernation, worker starts', cold.resume, COLD_RESUME),
      ...alone('resume after a crash, worker from the warm pool', pooled.afterCrash, WARM_RESUME),
      ...alone('resume after a crash, worker starts', cold.afterCrash, COLD_RESUME)
    ],
    notes: [
      `Start: initialize, initialized and tools/list of the whole catalogue, one after the other on one connection. Resume: one tools/call. ${starts} times each, ${quickStarts} where no process starts.`
    ]
  }
}

interface Times {
  readonly start: number[]
  readonly running: number[]
  readonly resume: number[]
  readonly afterCrash: number[]
}

/** Each account once: its first session, a sleep, a crash. */
async function fromNothing({ place, effort }: Bench, warmWorkers: number): Promise<Times> {
  const users = effort.starts + 1
  await using gateway = await GatewayProcess.start(place, { users, warmWorkers })
  const times: Times = { start: [], running: [], resume: [], afterCrash: [] }
  // The first round is for the gateway's own code to be compiled.
  for (let n = 0; n < users; n += 1) {
    await using client = new McpClient(gateway.target(n))
    const call = (): Promise<void> => client.call('echo', { text: 'hello' })
    await gateway.poolIsReady(warmWorkers)
    const start = await timed(() => startSession(client))
    await gateway.hibernate(n)
    await gateway.poolIsReady(warmWorkers)
    const resume = await timed(call)
    await gateway.crash(n)
    await gateway.poolIsReady(warmWorkers)
    const afterCrash = await timed(call)
    if (n > 0) {
      times.start.push(start)
      times.resume.push(resume)
      times.afterCrash.push(afterCrash)
    }
    if (n < users - 1) await gateway.hibernate(n)
    else times.running.push(...(await timeStarts(gateway.target(n), effort.quickStarts)))
  }
  return times
}

/** After some that do not count. */
async function timeStarts(target: Target, count: number): Promise<number[]> {
  const times: number[] = []
  for (let n = -20; n < count; n += 1) {
    await using client = new McpClient(target)
    const time = await timed(() => startSession(client))
    if (n >= 0) times.push(time)
  }
  return times
}

async function timed(deed: () => Promise<void>): Promise<number> {
  const startedAt = performance.now()
  await deed()
  return performance.now() - startedAt
}
