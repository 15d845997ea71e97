import type { Bench } from '../bench.ts'
import { GatewayProcess } from '../gateway-process.ts'
import type { Section } from '../markdown.ts'
import { McpClient, startSession } from '../mcp-client.ts'
import { percentile } from '../percentile.ts'
import { processorTime } from '../processor-time.ts'

const BUDGET_MS = 25
const AT_ONCE = 4
const SCRAPES = 40
/** The first ones run code that is not compiled yet; Prometheus comes again and again. */
const FIRST = 10

/** What it costs to look at the metrics, with as many workers and sessions as most have at most. */
export async function scrape(bench: Bench): Promise<Section> {
  const count = Math.max(...bench.effort.workers)
  await using gateway = await GatewayProcess.start(bench, { users: count, warmWorkers: 0 })
  let next = 0
  const starting = Array.from({ length: AT_ONCE }, async () => {
    while (next < count) {
      await using client = new McpClient(gateway.target(next++))
      await startSession(client)
    }
  })
  await Promise.all(starting)
  const times: number[] = []
  let series = 0
  let before = 0
  for (let n = 0; n < FIRST + SCRAPES; n += 1) {
    if (n === FIRST) before = await processorTime([gateway.pid])
    const since = performance.now()
    const text = await gateway.scrape()
    if (n >= FIRST) times.push(performance.now() - since)
    series = text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length
  }
  const spent = (await processorTime([gateway.pid])) - before
  const budget = { kind: 'at most', limit: BUDGET_MS } as const
  const what = `a scrape, ${count} workers and sessions`
  return {
    title: 'Metrics',
    rows: [
      { what: `${what}, p50`, unit: 'ms', ours: percentile(times, 0.5), budget },
      { what: `${what}, p99`, unit: 'ms', ours: percentile(times, 0.99) },
      {
        what: `processor time of the gateway for ${what}`,
        unit: 'ms',
        ours: (spent / SCRAPES) * 1000,
        budget
      }
    ],
    notes: [`${series} series, ${SCRAPES} scrapes one after the other over HTTP.`]
  }
}
