import { lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { GatewayError } from '#shared/errors.ts'
import { isSameProcess, startIfThere } from './procfs.ts'

/** The directory in which this gateway notes its workers. No worker has anything in it, or needs it. */
export interface RunDirectory {
  /** How many workers of dead gateways were found alive at the start, and killed. */
  readonly reaped: number
  /**
   * Notes that a worker lives, so that a later gateway can find who outlived this one. Throws when it cannot. The
   * returned function takes the note back; it never throws, and may be called more than once.
   */
  note(pid: number): () => void
  /** Where a copy of the worker's program may be made, which other users may read. */
  readonly program: string
  /** Removes all of it. May be called more than once. */
  close(): Promise<void>
}

export interface RunDirectoryParts {
  /** Made if missing. Shared by the gateways of this user on this machine, one after the other or at once. */
  readonly base: string
  /** The gateway's own pid. */
  readonly pid: number
  /** As `startIfThere`, which it is if absent. */
  readonly startOf?: StartOf
}

type StartOf = (pid: number) => string | undefined

/** Makes this gateway's directory, and clears away what gateways left that are no more. Throws ERR_CONFIG. */
export function openRunDirectory({
  base,
  pid,
  startOf = startIfThere
}: RunDirectoryParts): RunDirectory {
  // Others may pass through: a copy of node may lie here that workers of other users run.
  makeDirectory(base, 0o711)
  refuseForeign(base)
  const reaped = sweep(base, startOf)
  const name = `${pid}-${startOf(pid) ?? '0'}`
  const path = join(base, name)
  const program = join(base, `${PROGRAM}${name}`)
  makeDirectory(path, 0o700)
  return {
    reaped,
    program,
    note(worker) {
      const file = join(path, `${worker}.pid`)
      writeFileSync(file, `${worker} ${startOf(worker) ?? '0'}`, { mode: 0o600 })
      return () => {
        try {
          rmSync(file, { force: true })
        } catch {
          // It goes with the whole directory; the end of one worker must not become the gateway's.
        }
      }
    },
    async close() {
      for (const one of [program, path]) rmSync(one, { recursive: true, force: true })
    }
  }
}

/** What the name of a copy of the worker's program begins with. */
const PROGRAM = 'program-'

function makeDirectory(path: string, mode: number): void {
  try {
    mkdirSync(path, { recursive: true, mode })
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown'
    throw new GatewayError(
      'ERR_CONFIG',
      `RUN_DIR must be a directory that the gateway's user can write (${code}).`,
      { cause }
    )
  }
}

/** In a directory such as /tmp somebody else may have made it first. */
function refuseForeign(base: string): void {
  const { uid } = lstatSync(base)
  if (lstatSync(base).isDirectory() && uid === (process.getuid?.() ?? uid)) return
  throw new GatewayError('ERR_CONFIG', `RUN_DIR must be a directory of the gateway's own user.`)
}

/** Only what is certainly gone is cleared away: its workers may be somebody's who is being served. */
function sweep(base: string, startOf: StartOf): number {
  let reaped = 0
  for (const name of readdirSync(base)) {
    const [, pid, start] = /^(?:program-)?(\d+)-(\d+)$/.exec(name) ?? []
    if (pid === undefined || start === undefined) continue
    if (isSameProcess(startOf(Number(pid)), start) !== false) continue
    const path = join(base, name)
    for (const file of readdirSync(path)) {
      if (file.endsWith('.pid') && reap(join(path, file), startOf)) reaped += 1
    }
    rmSync(path, { recursive: true, force: true })
  }
  return reaped
}

/** Only what certainly is that worker is killed: its pid may be another process's by now. */
function reap(file: string, startOf: StartOf): boolean {
  const [pid, start] = readFileSync(file, 'utf8').split(' ')
  if (start === undefined || isSameProcess(startOf(Number(pid)), start) !== true) return false
  try {
    process.kill(-Number(pid), 'SIGKILL')
    return true
  } catch {
    return false // it ended meanwhile
  }
}
