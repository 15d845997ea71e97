import { type Namespaces, namespaceCommand, type Wall } from './namespaces.ts'
import { type NodeLimits, nodeFlags } from './node-flags.ts'
import type { UidPool } from './uid-pool.ts'

/** So many times the limit is too much to wait for the end of the calls in flight. */
export const FAR_OVER = 1.5

/** How worker processes are kept apart from the gateway and from each other. */
export interface Confinement {
  /** What one worker runs in. Throws ERR_WORKER_CAPACITY when no user id is free. */
  cell(): ConfinedCommand
}

export interface ConfinedCommand {
  /** The command that runs a program confined; the program follows. */
  readonly command: readonly [string, ...string[]]
  /** The user id of the worker where it is not the gateway's. */
  readonly uid: number | undefined
  /** Whether the process that is started is only the parent of the worker's. */
  readonly isNested?: boolean
  /** Called once when the process is gone: whatever else runs in the cell ends. Never rejects. */
  leave(): Promise<void>
}

/** Whose processes workers are: the gateway's user, one user for all of them, or one for each. */
export type Identity =
  | { readonly kind: 'own' }
  | { readonly kind: 'one'; readonly uid: number }
  | { readonly kind: 'each'; readonly slots: UidPool }

/** The layers that this machine has. */
export interface Layers {
  /** Node's program, by its full path. */
  readonly node: string
  /** util-linux's programs and coreutils' env, by their full paths, where they exist. */
  readonly setpriv: string | undefined
  readonly prlimit: string | undefined
  readonly env: string | undefined
  readonly identity: Identity
  /** What makes a place of its own for each worker, where that works. */
  readonly namespaces?: Namespaces | undefined
  /** The files and directories that are seen in it, beside Node's. */
  readonly shown?: readonly string[]
  /** A wall that is left out, so that the probe can be seen to miss it. */
  readonly without?: Wall | undefined
  /** RLIMIT_DATA in bytes; what V8 only reserves counts as well. */
  readonly dataBytes: number
  /** How many files the gateway itself may open; a worker without privileges cannot get more. */
  readonly mostFiles: number
  /** Node's own restrictions; a probe that tries the walls behind them goes without. */
  readonly nodeLimits: NodeLimits | undefined
}

/** A socket for each call in flight, one for each to Gmail, and what Node needs itself. */
const OPEN_FILES = 1024
/** Node runs about a dozen threads, piscina adds its own. Counted by user, so only where a worker has one. */
const THREADS = 64

/** Builds the command line of the layers, outermost first. */
export function confine(layers: Layers): Confinement {
  const { identity } = layers
  const isNested = layers.namespaces !== undefined
  return {
    cell() {
      if (identity.kind !== 'each') {
        const uid = identity.kind === 'one' ? identity.uid : undefined
        return { command: commandOf(layers, uid), uid, isNested, leave: async () => {} }
      }
      const uid = identity.slots.take()
      const leave = () => identity.slots.free(uid)
      return { command: commandOf(layers, uid), uid, isNested, leave }
    }
  }
}

/**
 * `setpriv` comes first: the programs after it run without capabilities. So a node binary that may not be
 * read is one the kernel keeps the process's memory and environment private for (execve(2): "dumpable");
 * with CAP_DAC_OVERRIDE it would not.
 */
function commandOf(layers: Layers, uid: number | undefined): [string, ...string[]] {
  const { setpriv, prlimit, env, node, dataBytes, mostFiles, identity, nodeLimits } = layers
  const { namespaces, shown = [], without } = layers
  const parts = [
    ...(setpriv === undefined
      ? []
      : [
          setpriv,
          '--pdeathsig=KILL',
          ...(without === 'privileges' ? [] : PRIVILEGES),
          ...(without === 'users' ? [] : identityFlags(uid))
        ]),
    ...(prlimit === undefined
      ? []
      : [prlimit, ...rlimits(dataBytes, mostFiles, identity.kind === 'each')]),
    // Agents and coverage tools add it to every child; it could loosen the flags below.
    ...(env === undefined ? [] : [env, '-u', 'NODE_OPTIONS']),
    ...(namespaces ? namespaceCommand(namespaces, [node, ...shown], without) : [])
  ]
  const [file = node, ...rest] = [...parts, node, ...(nodeLimits ? nodeFlags(nodeLimits) : [])]
  return [file, ...rest]
}

const PRIVILEGES = ['--no-new-privs', '--inh-caps=-all', '--bounding-set=-all'] as const

const identityFlags = (uid: number | undefined): string[] =>
  uid === undefined ? [] : [`--reuid=${uid}`, `--regid=${uid}`, '--clear-groups']

const rlimits = (dataBytes: number, mostFiles: number, hasOwnUser: boolean): string[] => [
  '--core=0',
  `--nofile=${Math.min(OPEN_FILES, mostFiles)}`,
  `--data=${dataBytes}`,
  ...(hasOwnUser ? [`--nproc=${THREADS}`] : [])
]
