import { readFileSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import type { MainThread } from './process-timeout.ts'

export interface ProcessUse {
  readonly rssBytes: number
  /** Processor time since its start, of all its threads. */
  readonly cpuSeconds: number
}

/** USER_HZ: what `/proc` counts in, on every architecture that Node runs on. */
const TICKS_PER_SECOND = 100

/** What a process uses, from `/proc` (proc(5)). Undefined when it is gone and on systems without `/proc`. */
export async function processUse(pid: number): Promise<ProcessUse | undefined> {
  try {
    const [stat, status] = await Promise.all([
      readFile(`/proc/${pid}/stat`, 'utf8'),
      readFile(`/proc/${pid}/status`, 'utf8')
    ])
    const fields = statFields(stat)
    const rssKibibytes = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0)
    const ticks = Number(fields[UTIME]) + Number(fields[STIME])
    return { rssBytes: rssKibibytes * 1024, cpuSeconds: ticks / TICKS_PER_SECOND }
  } catch {
    return undefined
  }
}

/** What the main thread of a process has done, from `/proc` (proc(5)). Undefined as for `processUse`. */
export function mainThread(pid: number): MainThread | undefined {
  try {
    const fields = statFields(readFileSync(`/proc/${pid}/task/${pid}/stat`, 'utf8'))
    const ticks = Number(fields[UTIME]) + Number(fields[STIME])
    // R waits for the processor or has it, D for a disk; every other state is a sleep of its own or a stop.
    const isAsleep = !/^[RD]$/.test(fields[STATE] ?? '')
    return { isAsleep, ranMs: (ticks / TICKS_PER_SECOND) * 1000 }
  } catch {
    return undefined
  }
}

/**
 * When a process began, in ticks since the machine did. With the pid it names one process for ever, where a
 * pid alone may have gone to another one. Undefined as well when it has ended and is only waited for.
 */
export function processStart(pid: number): string | undefined {
  const start = startIfThere(pid)
  return start === UNTOLD ? undefined : start
}

/** In the place of a start that the system does not tell. */
const UNTOLD = '0'

/**
 * As `processStart`; '0' for a process that is there although `/proc` does not say since when: there is none, or it hides
 * what others run.
 */
export function startIfThere(pid: number, proc = '/proc'): string | undefined {
  try {
    const fields = statFields(readFileSync(`${proc}/${pid}/stat`, 'utf8'))
    return fields[STATE] === 'Z' ? undefined : fields[START]
  } catch {
    return isThere(pid) ? UNTOLD : undefined
  }
}

/** Whether the process that began at `start` runs, when one with its pid began `now`. Undefined: nobody can say. */
export function isSameProcess(now: string | undefined, start: string): boolean | undefined {
  if (now === undefined) return false
  return now === UNTOLD || start === UNTOLD ? undefined : now === start
}

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM' // somebody else's
  }
}

/** The last of the processes that each started one: a program, and what stands around it. */
export function innermost(pid: number): number {
  try {
    const [child] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')
    return child ? innermost(Number(child)) : pid
  } catch {
    return pid
  }
}

/** How many files this process may open at once, and so its children at most. Infinity where `/proc` is not. */
export function mostOpenFiles(): number {
  try {
    const limits = readFileSync('/proc/self/limits', 'utf8')
    const hard = /^Max open files\s+\S+\s+(\d+)/m.exec(limits)?.[1]
    return hard === undefined ? Number.POSITIVE_INFINITY : Number(hard)
  } catch {
    return Number.POSITIVE_INFINITY
  }
}

/** Every process that runs under this user id, real or effective. Rejects on systems without `/proc`. */
export async function processesOf(uid: number): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const owned = await Promise.all(
    pids.map(async (pid) => {
      const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
      const ids = /^Uid:\s+(.*)$/m.exec(status)?.[1]?.split('\t') ?? []
      return ids.includes(String(uid)) && !/^State:\s+Z/m.test(status)
    })
  )
  return pids.filter((_, index) => owned[index]).map(Number)
}

// Counted from the field after the name, which is the third.
const STATE = 0
const UTIME = 14 - 3
const STIME = 15 - 3
const START = 22 - 3

/** The name may hold spaces and brackets, so the fields are counted from its end. */
const statFields = (stat: string): string[] => stat.slice(stat.lastIndexOf(')') + 2).split(' ')
