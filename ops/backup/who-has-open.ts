import { existsSync, readdirSync, readlinkSync, realpathSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'

/**
 * The processes that have a file open, whatever links lead to it and by whatever name they know it (a container's is
 * another one), also when it was removed (proc_pid_fd(5)); those of other users only as root. Empty where there is no /proc.
 */
export function whoHasOpen(path: string): number[] {
  const real = realPathOf(path)
  const names = [real, `${real} (deleted)`]
  const file = identityOf(real)
  const isIt = (link: string): boolean =>
    names.includes(targetOf(link)) || (file !== undefined && identityOf(link) === file)
  return listed('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => listed(`/proc/${pid}/fd`).some((fd) => isIt(`/proc/${pid}/fd/${fd}`)))
    .map(Number)
}

/** As the system names it; of a file that is not there, in the directory that it would be in. */
export function realPathOf(path: string): string {
  const full = resolve(path)
  if (existsSync(full)) return realpathSync(full)
  const directory = dirname(full)
  return existsSync(directory) ? join(realpathSync(directory), basename(full)) : full
}

/** Undefined for what is not there, or somebody else's. */
function identityOf(path: string): string | undefined {
  try {
    const { dev, ino } = statSync(path, { bigint: true })
    return `${dev} ${ino}`
  } catch {
    return undefined
  }
}

function listed(directory: string): string[] {
  try {
    return readdirSync(directory)
  } catch {
    return [] // it has ended meanwhile, or is somebody else's
  }
}

function targetOf(link: string): string {
  try {
    return readlinkSync(link)
  } catch {
    return ''
  }
}
