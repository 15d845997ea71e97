import { type Bench, runLoad, sideOf } from '../bench.ts'
import { GatewayProcess } from '../gateway-process.ts'
import type { Section } from '../markdown.ts'
import { McpClient, startSession } from '../mcp-client.ts'
import { startOneProcessServer } from '../one-process-server.ts'
import { percentile } from '../percentile.ts'
import type { Budget, Row } from '../result-row.ts'
import { timed } from '../timed.ts'

const WARM_START: Budget = { kind: 'at most', limit: 10 }
const COLD_RESUME: Budget = { kind: 'at most', limit: 200 }
const WARM_RESUME: Budget = { kind: 'at most', limit: 30 }
/** A start takes far more code than a call. */
const WARM_UP_MS = 4000
const ONE_PROCESS = 'one process for all'

/** How long a session takes to begin, and to go on after its process went. */
export async function sessions(bench: Bench): Promise<Section> {
  const { starts } = bench.effort
  const { ours, theirs } = await withoutProcessStart(bench)
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
      ...compare("the person's worker runs", ours, WARM_START),
      ...compare('worker from the warm pool', pooled.start),
      ...compare('worker starts', cold.start),
      ...alone('resume after hibernation, worker from the warm pool', pooled.resume, WARM_RESUME),
      ...alone('resume after hibernation, worker starts', cold.resume, COLD_RESUME),
      ...alone('resume after a crash, worker from the warm pool', pooled.afterCrash, WARM_RESUME),
      ...alone('resume after a crash, worker starts', cold.afterCrash, COLD_RESUME)
    ],
    notes: [
      `Start: initialize, initialized and tools/list of the whole catalogue, one after the other on a connection of its own. Resume: one tools/call. ${starts} times each, ${ours.length} and ${theirs.length} where no process starts.`
    ]
  }
}

/** Sessions of a person whose worker runs, and of the one process. */
async function withoutProcessStart(bench: Bench) {
  const { rounds, roundMs } = bench.effort
  await using gateway = await GatewayProcess.start(bench, { users: 1, warmWorkers: 0 })
  await using server = await startOneProcessServer(bench.place.programs.oneProcess)
  const sides = [
    { name: 'gateway', clients: [gateway.target(0)] },
    { name: ONE_PROCESS, clients: [server.target] }
  ]
  const result = await runLoad(bench, {
    deed: 'start',
    sides,
    rounds,
    roundMs,
    warmUpMs: WARM_UP_MS
  })
  return {
    ours: sideOf(result, 'gateway').latencies,
    theirs: sideOf(result, ONE_PROCESS).latencies
  }
}

interface Times {
  readonly start: number[]
  readonly resume: number[]
  readonly afterCrash: number[]
}

/** Each account once: its first session, a sleep, a crash. */
async function fromNothing(bench: Bench, warmWorkers: number): Promise<Times> {
  const users = bench.effort.starts + 1
  await using gateway = await GatewayProcess.start(bench, { users, warmWorkers })
  const times: Times = { start: [], resume: [], afterCrash: [] }
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
    await gateway.hibernate(n)
  }
  return times
}
