import { mkdir } from 'node:fs/promises'
import { freemem } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import * as z from 'zod'
import type { Launched } from '../../../gateway/launcher/launcher.ts'
import type { Bench } from '../bench.ts'
import { Child } from '../child.ts'
import type { Section } from '../markdown.ts'
import { McpClient, startSession } from '../mcp-client.ts'
import { median } from '../percentile.ts'
import { privateMemory } from '../private-memory.ts'
import type { Row } from '../result-row.ts'
import { directTarget, WorkerLauncher } from '../worker-launcher.ts'

const TIMES_EMPTY = 1.8
const EMPTY_PROCESSES = 5
const AT_ONCE = 2
/** A worker tidies up when nobody has called for ten seconds; people pause for longer. */
const REST_MS = 12_000
/** Room that one worker may want; without it the measurement would be one of swapping. */
const ROOM = 64 * 2 ** 20
const MB = 1e6

/** What an idle worker keeps for itself. */
export async function memory(bench: Bench): Promise<Section> {
  const directory = join(bench.place.directory, 'memory')
  await mkdir(directory)
  const rows: Row[] = []
  const notes: string[] = []
  for (const count of bench.effort.workers) {
    if (freemem() < count * ROOM) notes.push(`${count} workers: not enough free memory here.`)
    else rows.push(...(await measure(bench, directory, count)))
  }
  return { title: 'Private memory of a process at rest', rows, notes }
}

async function measure(bench: Bench, directory: string, count: number): Promise<Row[]> {
  await using open = new AsyncDisposableStack()
  const empty: Child[] = []
  for (let n = 0; n < EMPTY_PROCESSES; n += 1) {
    const child = open.use(
      new Child(bench.place.programs.empty, { args: [join(directory, `${count}-${n}`)] })
    )
    await child.next(z.literal('listening'))
    empty.push(child)
  }
  const launcher = open.use(
    await WorkerLauncher.open({ directory, entry: bench.place.programs.worker })
  )
  const workers: Launched[] = []
  while (workers.length < count) {
    const some = Array.from({ length: Math.min(AT_ONCE, count - workers.length) }, () =>
      launcher.startAssigned()
    )
    workers.push(...(await Promise.all(some)))
  }
  await sleep(REST_MS)
  const theirs = await each(empty.map(({ pid }) => pid))
  const pids = workers.map(({ pid = 0 }) => pid)
  const before = await each(pids)
  for (const worker of workers) {
    await using client = new McpClient(await directTarget(worker, directory))
    await startSession(client)
    await client.call('echo', { text: 'hello' })
  }
  await sleep(REST_MS)
  const after = await each(pids)
  const row = (what: string, ours: number): Row => ({
    what: `a worker ${what}, ${count} workers`,
    unit: 'MB',
    ours,
    against: { name: 'an empty Node HTTP process', figure: theirs },
    budget: { kind: 'ratio at most', limit: TIMES_EMPTY }
  })
  return [row('that waits for its first call', before), row('after a session and a call', after)]
}

async function each(pids: readonly number[]): Promise<number> {
  const sizes = await Promise.all(pids.map(privateMemory))
  return median(sizes) / MB
}
