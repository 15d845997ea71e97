import { existsSync } from 'node:fs'

/** How worker processes are kept apart from the gateway and from each other. */
export interface Confinement {
  /** What one worker runs in. Throws ERR_WORKER_CAPACITY when no user id is free. */
  cell(): Cell
}

export interface Cell {
  /** The command that runs a program confined; the program follows. */
  readonly command: readonly [string, ...string[]]
  /** The worker's own user id, when it has one. */
  readonly uid: number | undefined
  /** Called when the process is gone: whatever else runs in the cell ends. May be called more than once. */
  leave(): void
}

/** All workers run as the gateway's own user. */
export function sharedConfinement(node: string, flags: readonly string[]): Confinement {
  const wrappers = existsSync(SETPRIV) ? [SETPRIV, '--pdeathsig=KILL', '--no-new-privs'] : []
  const [file = node, ...rest] = [...wrappers, node, ...flags]
  return { cell: () => ({ command: [file, ...rest], uid: undefined, leave: () => {} }) }
}

const SETPRIV = '/usr/bin/setpriv'
