import { readFile } from 'node:fs/promises'

/** What a process alone makes the machine hold, in bytes: its private pages (proc(5), smaps_rollup). */
export async function privateMemory(pid: number): Promise<number> {
  const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8')
  const kibibytes = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(rollup)?.[1] ?? 0)
  return (kibibytes('Private_Clean') + kibibytes('Private_Dirty')) * 1024
}
