import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod'
import type { Bench } from '../bench.ts'
import { Child } from '../child.ts'
import type { Section } from '../markdown.ts'
import { median } from '../percentile.ts'
import type { Row } from '../result-row.ts'
import { WorkerLauncher } from '../worker-launcher.ts'

const TIMES_EMPTY = 2
const EMPTY = 'an empty Node HTTP process'

/** How long a worker takes from nothing to its socket. */
export async function coldStart(bench: Bench): Promise<Section> {
  const { place, effort } = bench
  const directory = join(place.directory, 'cold')
  await mkdir(directory)
  await using launcher = await WorkerLauncher.open({ directory, entry: place.programs.worker })
  const ours: number[] = []
  const theirs: number[] = []
  // The first of each fills the page cache.
  for (let n = 0; n <= effort.starts; n += 1) {
    const worker = await timeWorker(launcher)
    const empty = await timeEmpty(bench, join(directory, `${n}`))
    if (n === 0) continue
    ours.push(worker)
    theirs.push(empty)
  }
  const row: Row = {
    what: 'a worker, until it listens (median)',
    unit: 'ms',
    ours: median(ours),
    against: { name: EMPTY, figure: median(theirs) },
    budget: { kind: 'ratio at most', limit: TIMES_EMPTY }
  }
  return { title: 'Cold start of a process', rows: [row], notes: [] }
}

async function timeWorker(launcher: WorkerLauncher): Promise<number> {
  const startedAt = performance.now()
  const worker = await launcher.start()
  const time = performance.now() - startedAt
  await launcher.stop(worker)
  return time
}

async function timeEmpty({ place }: Bench, socketPath: string): Promise<number> {
  const startedAt = performance.now()
  await using child = new Child(place.programs.empty, { args: [socketPath] })
  await child.next(z.literal('listening'))
  return performance.now() - startedAt
}
