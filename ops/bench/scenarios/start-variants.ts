import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { nodeFlags } from '../../../gateway/launcher/node-flags.ts'
import { bundle } from '../../build.ts'
import type { Bench } from '../bench.ts'
import { source } from '../bench-place.ts'
import type { Section } from '../markdown.ts'
import { median } from '../percentile.ts'
import { privateMemory } from '../private-memory.ts'
import type { Row } from '../result-row.ts'
import { WorkerLauncher } from '../worker-launcher.ts'

const HEAP_MEBIBYTES = 96
const MB = 1e6

interface Variant {
  readonly name: string
  readonly entry: string
  readonly flags?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

/** What each way of preparing the worker's program is worth. The last one is what the build does. */
export async function startVariants(bench: Bench): Promise<Section> {
  const variants = await prepare(bench)
  const base = join(bench.place.directory, 'variants')
  await mkdir(base)
  const rows: Row[] = []
  const times = new Map(variants.map(({ name }) => [name, [] as number[]]))
  const sizes = new Map(variants.map(({ name }) => [name, [] as number[]]))
  // The first round fills caches.
  for (let n = 0; n <= bench.effort.starts; n += 1) {
    for (const variant of variants) {
      const { time, size } = await startOnce(base, variant)
      if (n === 0) continue
      times.get(variant.name)?.push(time)
      sizes.get(variant.name)?.push(size)
    }
  }
  const last = variants.at(-1)?.name ?? ''
  for (const { name } of variants) {
    rows.push({
      what: `${name}: until it listens`,
      unit: 'ms',
      ours: median(times.get(name) ?? []),
      against: { name: last, figure: median(times.get(last) ?? []) }
    })
    rows.push({
      what: `${name}: private memory then`,
      unit: 'MB',
      ours: median(sizes.get(name) ?? []) / MB,
      against: { name: last, figure: median(sizes.get(last) ?? []) / MB }
    })
  }
  return {
    title: 'Ways to start a worker',
    rows,
    notes: [
      "Node's compile cache must be written by the process that reads it, so it is measured without --permission. A startup snapshot is not among them: Node 24.21 aborts while it takes one of this program."
    ]
  }
}

async function prepare({ place }: Bench): Promise<Variant[]> {
  const plain = join(place.directory, 'plain')
  await bundle({ worker: source('worker') }, plain)
  const entry = join(plain, 'worker.mjs')
  const kept = join(place.programs.worker, '..')
  const confined = (readable: string): string[] =>
    nodeFlags({ readable: [readable], heapMebibytes: HEAP_MEBIBYTES })
  const NODE_COMPILE_CACHE = join(place.directory, 'compile-cache')
  return [
    { name: 'sources', entry: source('worker') },
    { name: 'bundle', entry, flags: confined(plain) },
    { name: "bundle, Node's compile cache", entry, env: { NODE_COMPILE_CACHE } },
    { name: 'bundle, bytecode of a rehearsal', entry: place.programs.worker, flags: confined(kept) }
  ]
}

async function startOnce(base: string, { entry, flags = [], env = {} }: Variant) {
  const confinement = {
    cell: () => ({
      command: [process.execPath, ...flags] as [string, ...string[]],
      uid: undefined,
      leave: async () => {}
    })
  }
  await using launcher = await WorkerLauncher.open({ directory: base, entry, env, confinement })
  const startedAt = performance.now()
  const worker = await launcher.start()
  const time = performance.now() - startedAt
  const size = await privateMemory(worker.pid ?? 0)
  // It keeps its compile cache when it ends of its own accord.
  worker.channel.send({ type: 'drain' })
  await worker.gone
  return { time, size }
}
