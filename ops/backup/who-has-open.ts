import { readdirSync, readlinkSync } from 'node:fs'

/**
 * The processes that have a file open, also when its name is gone (proc_pid_fd(5)); those of other users only as
 * root. Empty where there is no /proc.
 */
export function whoHasOpen(path: string): number[] {
  const names = [path, `${path} (deleted)`]
  return listed('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => listed(`/proc/${pid}/fd`).some((fd) => names.includes(target(pid, fd))))
    .map(Number)
}

function listed(directory: string): string[] {
  try {
    return readdirSync(directory)
  } catch {
    return [] // it has ended meanwhile, or is somebody else's
  }
}

function target(pid: string, fd: string): string {
  try {
    return readlinkSync(`/proc/${pid}/fd/${fd}`)
  } catch {
    return ''
  }
}
