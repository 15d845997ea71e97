/** The load generator: runs the plans it is sent, one at a time, and answers with what it measured. */
import { setTimeout as sleep } from 'node:timers/promises'
import type * as z from 'zod'
import { LoadPlan, type LoadResult, type Side } from '../load-plan.ts'
import { McpClient, startSession } from '../mcp-client.ts'
import { processorTime, withAllBelow } from '../processor-time.ts'
import { timed } from '../timed.ts'

const BURN_MS = 200
const STARTS_A_COLLECTION = 50
let started = 0

process.on('message', (plan) => void run(LoadPlan.parse(plan)).then((r) => process.send?.(r)))
process.on('disconnect', () => process.exit(0))

async function run(plan: z.output<typeof LoadPlan>): Promise<LoadResult> {
  await using open = new AsyncDisposableStack()
  const connect = async (clients: Side['clients']): Promise<McpClient[]> => {
    const connected = clients.map((client) => open.use(new McpClient(client)))
    for (const client of connected) await client.open()
    return connected
  }
  const sides: { name: string; clients: McpClient[]; root: number | undefined }[] = []
  for (const { name, clients, root } of plan.sides)
    sides.push({ name, clients: await connect(clients), root })
  const burners = await connect(plan.burners?.clients ?? [])

  const result: LoadResult = {}
  for (const { name, clients } of sides) {
    const { length: deeds } = await round(plan, clients, plan.warmUpMs, undefined)
    result[name] = { latencies: [], seconds: 0, spent: { root: 0, below: 0 }, deeds }
  }
  for (let n = 0; n < plan.rounds; n += 1) {
    // Every second round goes backwards, so that no side is always first.
    for (const { name, clients, root } of n % 2 === 0 ? sides : sides.toReversed()) {
      const measured = result[name]
      if (!measured) continue
      const meter = await startMeter(root)
      const fire = name === plan.burners?.side ? burn(burners, plan.roundMs) : undefined
      const startedAt = performance.now()
      const latencies = await round(plan, clients, plan.roundMs, plan.pace)
      measured.latencies.push(...latencies)
      measured.deeds += latencies.length
      measured.seconds += (performance.now() - startedAt) / 1000
      const spent = await meter()
      measured.spent.root += spent.root
      measured.spent.below += spent.below
      await fire
    }
  }
  return result
}

/** The returned function tells the processor time since now. */
async function startMeter(
  root: number | undefined
): Promise<() => Promise<{ root: number; below: number }>> {
  if (root === undefined) return async () => ({ root: 0, below: 0 })
  const [, ...others] = await withAllBelow(root)
  const read = () => Promise.all([processorTime([root]), processorTime(others)])
  const before = await read()
  return async () => {
    const after = await read()
    return { root: after[0] - before[0], below: after[1] - before[1] }
  }
}

async function round(
  plan: z.output<typeof LoadPlan>,
  clients: readonly McpClient[],
  ms: number,
  pace: number | undefined
): Promise<number[]> {
  const until = performance.now() + ms
  const latencies: number[] = []
  await Promise.all(
    clients.map(async (client, n) => {
      if (pace !== undefined) await sleep((n / clients.length) * (1000 / pace))
      while (performance.now() < until) {
        latencies.push(await timeOf(plan, client))
        if (pace !== undefined) await sleep(1000 / pace)
      }
    })
  )
  return latencies
}

/** Does what the plan times. Resolves with the ms it took. */
async function timeOf(
  { deed, tool, args }: z.output<typeof LoadPlan>,
  client: McpClient
): Promise<number> {
  if (deed === 'call') return timed(() => client.call(tool, args))
  await using another = new McpClient(client.target)
  const time = await timed(() => startSession(another))
  await another.end()
  started += 1
  if (started % STARTS_A_COLLECTION === 0) globalThis.gc?.() // a list is long; not while one is timed
  return time
}

async function burn(burners: readonly McpClient[], ms: number): Promise<void> {
  const until = performance.now() + ms
  await Promise.all(
    burners.map(async (burner) => {
      while (performance.now() < until) await burner.call('burn', { ms: BURN_MS })
    })
  )
}
