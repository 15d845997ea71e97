import { readdirSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'

/** As the kernel writes it in /proc/net/tcp. */
const ESTABLISHED = '01'

/** The pids of the processes whose command line names this file. Linux only. */
export function processesOf(file: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && names(name, file))
    .map(Number)
}

/** Those of them that run it themselves, and are not what stands around such a process (bwrap, unshare). */
export const nodesOf = (file: string): number[] =>
  processesOf(file).filter((pid) => basename(argumentsOf(pid)[0] ?? '').startsWith('node'))

/** Whether a process descends from another one. Linux only. */
export function isBelow(pid: number, ancestor: number): boolean {
  for (let at = pid; at > 1; at = parentOf(at)) if (at === ancestor) return true
  return false
}

function parentOf(pid: number): number {
  try {
    return Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0)
  } catch {
    return 0 // it ended meanwhile
  }
}

/** Whether a process can still do anything: one that is over and not yet collected by its parent cannot. */
export function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

/** How many files, sockets and the like a process has open. Linux only. */
export const openFilesOf = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length

/** How many connections a port of IPv4 has open at its own end. Linux only. */
export function connectionsOf(port: number): number {
  const here = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  return readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local, , state]) => local?.endsWith(here) && state === ESTABLISHED).length
}

function names(pid: string, file: string): boolean {
  try {
    const isZombie = /^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
    return !isZombie && argumentsOf(pid).some((argument) => argument.includes(file))
  } catch {
    return false // it ended meanwhile
  }
}

function argumentsOf(pid: number | string): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
  } catch {
    return [] // it ended meanwhile
  }
}
