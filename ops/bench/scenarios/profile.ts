import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { V8_FLAGS } from '#shared/v8-flags.ts'
import { type Bench, runLoad, sideOf } from '../bench.ts'
import { source } from '../bench-place.ts'
import {
  busyTimes,
  type CpuProfile,
  nowMicroseconds,
  readCpuProfile,
  type Span
} from '../cpu-profile.ts'
import { GatewayProcess } from '../gateway-process.ts'
import type { Section } from '../markdown.ts'
import type { Target } from '../mcp-client.ts'
import type { Row } from '../result-row.ts'
import { directTarget, WorkerLauncher } from '../worker-launcher.ts'

/** Where the processor time of an empty tool's call and of a session's start go, in the gateway and in a hot worker. */
export async function profile(bench: Bench): Promise<Section> {
  return {
    title: 'Where the processor time goes',
    rows: [...(await gatewayRows(bench)), ...(await workerRows(bench))],
    notes: [
      "One after the other, V8's sampling profiler on (it makes everything slower, so the shares mean more than the times). A call is one of a tool that does nothing; a session start includes its end. The worker runs from its sources here, for the names."
    ]
  }
}

async function gatewayRows(bench: Bench): Promise<Row[]> {
  const directory = await directoryFor(bench, 'gateway')
  let measured: Measured[]
  {
    const flags = flagsFor(directory)
    await using gateway = await GatewayProcess.start(bench, {
      users: 1,
      warmWorkers: 0,
      flags
    })
    measured = await measure(bench, gateway.target(0))
  }
  return rowsOf('gateway', await readCpuProfile(directory), measured)
}

async function workerRows(bench: Bench): Promise<Row[]> {
  const directory = await directoryFor(bench, 'worker')
  const command = [process.execPath, ...V8_FLAGS, ...flagsFor(directory)] as const
  await using launcher = await WorkerLauncher.open({
    directory: bench.place.directory,
    entry: source('worker'),
    confinement: { cell: () => ({ command, uid: undefined, leave: async () => {} }) }
  })
  const worker = await launcher.startAssigned()
  const measured = await measure(bench, await directTarget(worker, bench.place.directory))
  worker.channel.send({ type: 'drain' })
  await worker.gone // its profile is written by then
  return rowsOf('worker', await readCpuProfile(directory), measured)
}

interface Measured {
  readonly what: string
  readonly span: Span
  readonly count: number
}

const DEEDS = [
  { deed: 'call', what: 'a call' },
  { deed: 'start', what: 'a session start' }
] as const

/** A first load makes the process hot; the second one is what counts. */
async function measure(bench: Bench, target: Target): Promise<Measured[]> {
  const { rounds, roundMs } = bench.effort
  const measured: Measured[] = []
  for (const { deed, what } of DEEDS) {
    const plan = { deed, sides: [{ name: 'it', clients: [target] }], rounds, roundMs }
    await runLoad(bench, plan)
    const from = nowMicroseconds()
    const { deeds: count } = sideOf(await runLoad(bench, plan), 'it')
    measured.push({ what, span: { from, to: nowMicroseconds() }, count })
  }
  return measured
}

const rowsOf = (process: string, profile: CpuProfile, measured: readonly Measured[]): Row[] =>
  measured.flatMap(({ what, span, count }) => {
    const groups = [...busyTimes(profile, span, groupOf)].sort(([, a], [, b]) => b - a)
    const whole = groups.reduce((sum, [, busy]) => sum + busy, 0) / count
    return groups.map(([group, busy]) => ({
      what: `${process}, ${what}: ${group}`,
      unit: 'µs',
      ours: busy / count,
      against: { name: 'all of it', figure: whole }
    }))
  })

const GROUPS: readonly (readonly [where: RegExp, group: string])[] = [
  [/\/node_modules\/undici\//, 'undici'],
  [
    /\/node_modules\/(@?fastify|find-my-way|avvio|helmet|light-my-request)\//,
    'Fastify, @fastify/http-proxy'
  ],
  [/\/node_modules\/kysely\/|\/gateway\/store\//, 'SQLite and Kysely'],
  [/\/node_modules\/(prom-client|pino|@pinojs)\//, 'metrics and log'],
  [/\/node_modules\/zod\//, 'zod'],
  [/\/node_modules\/@modelcontextprotocol\//, 'MCP SDK'],
  [/\/node_modules\/@hono\//, '@hono/node-server'],
  [/\/node_modules\//, 'other packages'],
  [/^node:internal\/(webstreams|encoding)/, "Node's web streams"],
  [/^node:internal\/(child_process|crypto)/, "Node's IPC channel and hashes"],
  [/^node:/, "Node's HTTP, sockets and timers"],
  [/^file:/, 'our own code']
]

function groupOf({ functionName, url }: { functionName: string; url: string }): string | undefined {
  if (functionName === '(garbage collector)') return 'garbage collection'
  if (url === '' && /^write/.test(functionName)) return 'the kernel: writing to sockets'
  return GROUPS.find(([where]) => where.test(url))?.[1]
}

async function directoryFor({ place }: Bench, name: string): Promise<string> {
  const directory = join(place.directory, `profile-${name}`)
  await mkdir(directory)
  return directory
}

const flagsFor = (directory: string): string[] => ['--cpu-prof', `--cpu-prof-dir=${directory}`]
