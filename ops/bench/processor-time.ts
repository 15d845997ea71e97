import { readdir, readFile } from 'node:fs/promises'

/** A process and all that come from it, itself first (proc(5), stat). */
export async function withAllBelow(root: number): Promise<number[]> {
  const ids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const stats = await Promise.all(ids.map((id) => readIfThere(`/proc/${id}/stat`)))
  const children = new Map<number, number[]>()
  for (const [n, stat] of stats.entries()) {
    const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
    children.set(parent, [...(children.get(parent) ?? []), Number(ids[n])])
  }
  const found = [root]
  for (const pid of found) found.push(...(children.get(pid) ?? []))
  return found
}

/**
 * Seconds of processor time that the threads of these processes have had, by the scheduler's account (proc(5), schedstat). What
 * has ended counts for nothing.
 */
export async function processorTime(pids: readonly number[]): Promise<number> {
  const threads = await Promise.all(
    pids.map(async (pid) => {
      const ids = await readdir(`/proc/${pid}/task`).catch(() => [])
      return ids.map((id) => `/proc/${pid}/task/${id}/schedstat`)
    })
  )
  const times = await Promise.all(threads.flat().map(readIfThere))
  return times.reduce((sum, text) => sum + Number(text.split(' ')[0]) / 1e9, 0)
}

/** What ends in the meantime has nothing to say. */
const readIfThere = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '')
