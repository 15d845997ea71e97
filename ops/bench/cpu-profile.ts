import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod'

/** What V8 writes with `--cpu-prof`, as far as it matters here. Times are in µs of the monotonic clock. */
const CpuProfile = z.object({
  startTime: z.number(),
  nodes: z.array(
    z.object({
      id: z.number(),
      callFrame: z.object({ functionName: z.string(), url: z.string() }),
      children: z.array(z.number()).optional()
    })
  ),
  samples: z.array(z.number()),
  timeDeltas: z.array(z.number())
})
export type CpuProfile = z.infer<typeof CpuProfile>
type Frame = CpuProfile['nodes'][number]['callFrame']

/** A span of time, in µs of the monotonic clock (`process.hrtime`). */
export interface Span {
  readonly from: number
  readonly to: number
}

export const nowMicroseconds = (): number => Number(process.hrtime.bigint() / 1000n)

/** The one profile that a process left in a directory. */
export async function readCpuProfile(directory: string): Promise<CpuProfile> {
  const [file, ...others] = (await readdir(directory)).filter((name) =>
    name.endsWith('.cpuprofile')
  )
  if (file === undefined || others.length > 0) throw new Error(`Not one profile in ${directory}.`)
  return CpuProfile.parse(JSON.parse(await readFile(join(directory, file), 'utf8')))
}

/**
 * The µs that a process was busy within the span, by group. A sample counts for the group of its innermost
 * frame that has one; `groupOf` gives undefined for frames without, such as functions of the engine.
 */
export function busyTimes(
  { startTime, nodes, samples, timeDeltas }: CpuProfile,
  { from, to }: Span,
  groupOf: (frame: Frame) => string | undefined
): Map<string, number> {
  const groups = groupsOfNodes(nodes, groupOf)
  const times = new Map<string, number>()
  let at = startTime
  for (const [n, id] of samples.entries()) {
    const spent = timeDeltas[n] ?? 0
    at += spent
    const group = groups.get(id)
    if (group === undefined || at < from || at > to) continue
    times.set(group, (times.get(group) ?? 0) + spent)
  }
  return times
}

/** By the id of a node; a process that waits is in no group. */
function groupsOfNodes(
  nodes: CpuProfile['nodes'],
  groupOf: (frame: Frame) => string | undefined
): Map<number, string> {
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((c) => [c, id])))
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const found = new Map<number, string>()
  for (const { id, callFrame } of nodes) {
    if (callFrame.functionName === '(idle)') continue
    let group: string | undefined
    for (let at: number | undefined = id; at !== undefined && !group; at = parents.get(at)) {
      const frame = byId.get(at)?.callFrame
      group = frame && groupOf(frame)
    }
    found.set(id, group ?? 'the engine')
  }
  return found
}
