import {
  accessSync,
  chmodSync,
  chownSync,
  constants,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync
} from 'node:fs'
import { join } from 'node:path'
import { GatewayError } from '#shared/errors.ts'
import { processStart } from './proc.ts'

/** The directory of this gateway's sockets. */
export interface RunDirectory {
  /** How many workers of dead gateways were found alive at the start, and killed. */
  readonly reaped: number
  /** A new private directory for one worker. */
  room(uid: number | undefined): Room
  /** Removes all of it. May be called more than once. */
  close(): Promise<void>
}

/** One worker's directory. */
export interface Room {
  readonly socketPath: string
  /** Notes who lives here, so that a later gateway can find who outlived this one. Throws when it cannot. */
  occupy(pid: number): void
  /**
   * Never throws: what cannot be removed, because the gateway has no file descriptor left, goes with the
   * whole directory. May be called more than once.
   */
  remove(): void
}

export interface RunDirectoryParts {
  /** Made if missing. Shared by the gateways of this user on this machine, one after the other or at once. */
  readonly base: string
  /** The gateway's own pid. */
  readonly pid: number
  readonly randomHex: (bytes: number) => string
}

/** AF_UNIX, unix(7): 108 bytes with the closing zero on Linux, 104 on macOS. */
const LONGEST_PATH = 103
const NAME_BYTES = 10

/** Makes this gateway's directory, and clears away what gateways left that are no more. Throws ERR_CONFIG. */
export function openRunDirectory({ base, pid, randomHex }: RunDirectoryParts): RunDirectory {
  mkdirSync(base, { recursive: true, mode: 0o711 })
  refuseForeign(base)
  const reaped = sweep(base)
  const path = join(base, `${pid}-${processStart(pid) ?? '0'}`)
  const longest = join(path, 'x'.repeat(NAME_BYTES * 2), 's')
  if (Buffer.byteLength(longest) > LONGEST_PATH) {
    const most = LONGEST_PATH - Buffer.byteLength(longest) + Buffer.byteLength(base)
    throw new GatewayError('ERR_CONFIG', `RUN_DIR must be a path of at most ${most} bytes.`)
  }
  // Others may pass through, but not look around: what is inside can be found only by its name.
  mkdirSync(path, { recursive: true, mode: 0o711 })
  return {
    reaped,
    room: (uid) => openRoom(join(path, randomHex(NAME_BYTES)), uid),
    close: async () => rmSync(path, { recursive: true, force: true })
  }
}

function openRoom(path: string, uid: number | undefined): Room {
  mkdirSync(path, { mode: 0o700 })
  if (uid !== undefined) giveTo(path, uid)
  return {
    socketPath: join(path, 's'),
    occupy: (pid) => writeFileSync(`${path}.pid`, `${pid} ${processStart(pid) ?? '0'}`),
    remove: () => {
      try {
        rmSync(path, { recursive: true, force: true })
        rmSync(`${path}.pid`, { force: true })
      } catch {
        // See above; the end of one worker must not become the gateway's.
      }
    }
  }
}

/**
 * A gateway that may not give files away, or not look into what it gave (no CAP_CHOWN, no
 * CAP_DAC_OVERRIDE), lets everybody who knows the unguessable name make the socket; the secret of the spawn
 * then keeps the others out.
 */
function giveTo(path: string, uid: number): void {
  try {
    chownSync(path, uid, uid)
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch {
    const own = process.getuid?.() ?? uid
    if (statSync(path).uid !== own) chownSync(path, own, own)
    chmodSync(path, 0o733)
  }
}

/** In a directory such as /tmp somebody else may have made it first. */
function refuseForeign(base: string): void {
  const { uid } = lstatSync(base)
  if (lstatSync(base).isDirectory() && uid === (process.getuid?.() ?? uid)) return
  throw new GatewayError('ERR_CONFIG', `RUN_DIR must be a directory of the gateway's own user.`)
}

function sweep(base: string): number {
  let reaped = 0
  for (const name of readdirSync(base)) {
    const [, pid, start] = /^(\d+)-(\d+)$/.exec(name) ?? []
    if (pid === undefined || start === undefined || isAlive(Number(pid), start)) continue
    const path = join(base, name)
    for (const file of readdirSync(path)) {
      if (file.endsWith('.pid') && reap(join(path, file))) reaped += 1
    }
    rmSync(path, { recursive: true, force: true })
  }
  return reaped
}

function reap(file: string): boolean {
  const [pid, start] = readFileSync(file, 'utf8').split(' ')
  if (start === undefined || start === '0' || !isAlive(Number(pid), start)) return false
  try {
    process.kill(-Number(pid), 'SIGKILL')
    return true
  } catch {
    return false // it ended meanwhile
  }
}

function isAlive(pid: number, start: string): boolean {
  if (start !== '0') return processStart(pid) === start
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
