import { readdirSync, readFileSync } from 'node:fs'

/** The pids of the processes whose command line names this file. Linux only. */
export function processesOf(file: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && names(name, file))
    .map(Number)
}

/** How many files, sockets and the like a process has open. Linux only. */
export const openFilesOf = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length

function names(pid: string, file: string): boolean {
  try {
    const isZombie = /^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
    return !isZombie && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(file)
  } catch {
    return false // it ended meanwhile
  }
}
