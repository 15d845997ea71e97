import { readFile } from 'node:fs/promises'

/** What a process alone makes the machine hold, in bytes: its private pages (proc(5), smaps_rollup). */
export async function privateMemory(pid: number): Promise<number> {
  const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8')
  const kibibytes = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(rollup)?.[1] ?? 0)
  return (kibibytes('Private_Clean') + kibibytes('Private_Dirty')) * 1024
}

/** The same of a process with those that stand around it, up to `top`, which started them all and does not count. */
export async function privateMemoryBelow(top: number, pid: number): Promise<number> {
  if (pid === top || pid <= 1) return 0
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
  const [, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (await privateMemory(pid)) + (await privateMemoryBelow(top, Number(parent)))
}
