import type { Bench } from '../bench.ts'
import { GatewayProcess } from '../gateway-process.ts'
import type { Section } from '../markdown.ts'
import { McpClient } from '../mcp-client.ts'

const KIB = 1024
const USERS = 20
const BUDGET = 2 * KIB
const AT_ONCE = 8
const ROUNDS = 5

/** What the gateway holds for a session whose worker sleeps. */
export async function hibernated(bench: Bench): Promise<Section> {
  const each = Math.ceil(bench.effort.sessions / USERS)
  const count = each * USERS
  await using gateway = await GatewayProcess.start(bench, { users: USERS, warmWorkers: 0 })
  // What an account costs is not asked, and V8 gives up some megabytes of its own after a few collections.
  for (let n = 0; n < ROUNDS; n += 1) {
    await openAll(gateway, Math.ceil(each / ROUNDS))
    await gateway.memory()
  }
  const before = await gateway.memory()
  await openAll(gateway, each)
  const after = await gateway.memory()
  const held = after.heapUsed + after.external - before.heapUsed - before.external
  return {
    title: 'Memory of a hibernated session in the gateway',
    rows: [
      {
        what: `heap of a session, ${count} sessions`,
        unit: 'bytes',
        ours: held / count,
        budget: { kind: 'at most', limit: BUDGET }
      },
      {
        what: `resident memory of a session, ${count} sessions`,
        unit: 'bytes',
        ours: (after.rss - before.rss) / count
      }
    ],
    notes: [
      'After a collection. Resident memory is what all the session starts left behind in the process; it is not given back at once. As many sessions were opened before.'
    ]
  }
}

/** Opens so many sessions of each account and puts all to sleep. */
async function openAll(gateway: GatewayProcess, each: number): Promise<void> {
  for (let n = 0; n < USERS; n += 1) await open(gateway, n, each)
}

/** Opens sessions of one account and puts it to sleep. */
async function open(gateway: GatewayProcess, n: number, count: number): Promise<void> {
  let left = count
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      await using client = new McpClient(gateway.target(n))
      while (left > 0) {
        left -= 1
        await client.open()
      }
    })
  )
  await gateway.hibernate(n)
}
