import { V8_FLAGS } from '#shared/v8-flags.ts'

/** One arena for malloc instead of one for each thread: glibc gives little of them back. */
export const WORKER_ENV = { MALLOC_ARENA_MAX: '1' } as const

export interface NodeLimits {
  /** What the worker's program consists of: the only files that it may read. */
  readonly readable: readonly string[]
  /** The most that V8 keeps of long-lived objects, in MiB. */
  readonly heapMebibytes: number
}

/**
 * Node's own restrictions of a worker. Against ordinary mistakes and gadgets; Node promises nothing against
 * code that is already hostile, so other layers are the wall.
 *
 * Not among them: `--disallow-code-generation-from-strings`, because it adds 50 ms to a start of 80 ms.
 */
export const nodeFlags = ({ readable, heapMebibytes }: NodeLimits): string[] => [
  '--permission',
  ...readable.map((path) => `--allow-fs-read=${path}`),
  '--allow-worker', // hostile mail is parsed in a thread
  '--disable-warning=PERM0006', // which says that this is worth a thought
  '--disable-sigusr1', // the signal would open an inspector
  '--no-experimental-sqlite', // it would open any file, in spite of the permissions
  '--no-addons',
  '--disable-proto=delete',
  `--max-old-space-size=${heapMebibytes}`,
  ...V8_FLAGS
]
