import { type Bench, runLoad, sideOf } from '../bench.ts'
import { GatewayProcess } from '../gateway-process.ts'
import type { Section } from '../markdown.ts'
import type { Target } from '../mcp-client.ts'
import { startOneProcessServer } from '../one-process-server.ts'
import { percentile } from '../percentile.ts'
import type { Budget, Row } from '../result-row.ts'

const USERS = 20
const CALLS_PER_SECOND = 10
const ROUNDS = 12
const BUDGET: Budget = { kind: 'ratio at most', limit: 3 }

/** What nineteen people notice of one whose tools burn the processor. */
export async function noisyNeighbour(bench: Bench): Promise<Section> {
  await using gateway = await GatewayProcess.start(bench, { users: USERS, warmWorkers: 0 })
  await using server = await startOneProcessServer(bench.place.programs.oneProcess)
  const everybody = Array.from({ length: USERS }, (_, n) => gateway.target(n))
  const ours = await measure(bench, everybody)
  const theirs = await measure(
    bench,
    everybody.map(() => server.target)
  )
  const row = (what: string, p99: Quiet, budget?: Budget): Row => ({
    what: `${what}: p99 of 19 people while one burns`,
    unit: 'ms',
    ours: p99.beside,
    against: { name: 'the same, alone', figure: p99.alone },
    ...(budget && { budget })
  })
  return {
    title: 'Neighbours of a greedy person',
    rows: [row('this gateway', ours, BUDGET), row('one process for all', theirs)],
    notes: [`Each of the 19 makes ${CALLS_PER_SECOND} calls a second.`]
  }
}

interface Quiet {
  readonly alone: number
  readonly beside: number
}

async function measure(bench: Bench, everybody: readonly Target[]): Promise<Quiet> {
  const clients = everybody.slice(1).map(plain)
  const result = await runLoad(bench, {
    sides: [
      { name: 'alone', clients },
      { name: 'beside', clients }
    ],
    rounds: ROUNDS,
    roundMs: bench.effort.neighbourMs,
    pace: CALLS_PER_SECOND,
    burners: { side: 'beside', clients: everybody.slice(0, 1).map(plain) }
  })
  const p99 = (side: string): number => percentile(sideOf(result, side).latencies, 0.99)
  return { alone: p99('alone'), beside: p99('beside') }
}

const plain = ({ origin, headers }: Target) => ({ origin, headers: { ...headers } })
