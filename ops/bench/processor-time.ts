import { readdir, readFile } from 'node:fs/promises'

/** Seconds of processor time that the threads of these processes have had, by the scheduler's account (proc(5), schedstat). */
export async function processorTime(pids: readonly number[]): Promise<number> {
  const threads = await Promise.all(
    pids.map(async (pid) => {
      const ids = await readdir(`/proc/${pid}/task`)
      return ids.map((id) => `/proc/${pid}/task/${id}/schedstat`)
    })
  )
  const times = await Promise.all(threads.flat().map((path) => readFile(path, 'utf8')))
  return times.reduce((sum, text) => sum + Number(text.split(' ')[0]) / 1e9, 0)
}
