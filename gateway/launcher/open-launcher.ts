import { basename, dirname, join } from 'node:path'
import type { Clock } from '#shared/clock.ts'
import { type IsolationParts, isolate } from './isolation.ts'
import type { IsolationReport } from './isolation-report.ts'
import { PROBE_PROGRAM } from './isolation-self-test.ts'
import { removeNodes, restoreNode } from './non-dumpable-node.ts'
import { ProcessLauncher, type ProcessLauncherParts } from './process-launcher.ts'
import { copyProgram, filesOf, othersMayEnter } from './program-copy.ts'
import { openRunDirectory, type RunDirectory } from './run-directory.ts'
import type { UidRange } from './uid-pool.ts'

export interface OpenLauncherParts
  extends Pick<ProcessLauncherParts, 'env' | 'init' | 'onLine' | 'dial' | 'onDial'> {
  readonly clock: Clock
  readonly randomHex: (bytes: number) => string
  /** For the gateway's notes. */
  readonly directory: string
  /** Where a copy of node may lie that cannot be read: the first place that will do. */
  readonly nodeDirectories: readonly string[]
  readonly program: WorkerProgram
  /** A user id for each worker. */
  readonly uids: UidRange | undefined
  /** Resident memory that a worker may use, in bytes. */
  readonly memoryBytes: number
  /** Whether to refuse to run without a wall. */
  readonly mustHold: boolean
  readonly wanted: IsolationParts['wanted']
  readonly assets: IsolationParts['assets']
  readonly without?: IsolationParts['without']
}

/** Where the worker's program lies. */
export interface WorkerProgram {
  /** The file that starts it. */
  readonly entry: string
  /** Its directories, with what it shares with others. */
  readonly readable: readonly string[]
  /**
   * Whether the directory of `entry` is all of it; workers then run from a copy (`copyProgram`), unless they are other users
   * and may not enter the directory for it.
   */
  readonly isWhole: boolean
}

export interface OpenedLauncher {
  readonly launcher: ProcessLauncher
  readonly isolation: IsolationReport
  /** The most workers that this machine can keep apart. */
  readonly mostWorkers: number
  /** How many workers of dead gateways were found alive, and killed. */
  readonly reaped: number
}

/** Prepares this machine for workers. Rejects with ERR_CONFIG where they cannot run, or not apart. */
export async function openLauncher(parts: OpenLauncherParts): Promise<OpenedLauncher> {
  const { clock, randomHex, directory } = parts
  const opened = openRunDirectory({ base: directory, pid: process.pid })
  const runDirectory: RunDirectory = {
    ...opened,
    async close() {
      await opened.close()
      removeNodes(parts.nodeDirectories)
    }
  }
  try {
    const isForOthers = process.getuid?.() === 0 || parts.uids !== undefined
    const mayCopy = !isForOthers || othersMayEnter(directory)
    const { restore, ...program } = programOf(parts.program, mayCopy && runDirectory.program)
    const { entry } = program
    const machine = { node: process.execPath, pid: process.pid }
    const { confinement, report, node, mostWorkers } = await isolate({
      ...parts,
      ...machine,
      ...program,
      runDirectory
    })
    // A gateway that hides itself runs from the copy; its first argument says from what that was made.
    const prepare = (): void => {
      restoreNode(node, [process.execPath, process.argv0])
      restore()
    }
    const made = { clock, randomHex, runDirectory, confinement, prepare, entry }
    const launcher = new ProcessLauncher({ ...parts, ...made })
    return { launcher, isolation: report, mostWorkers, reaped: runDirectory.reaped }
  } catch (error) {
    await runDirectory.close()
    throw error
  }
}

/** The probe runs as workers do, also where other users may not enter the project's own directory. A module wherever it lies. */
const PROBE = 'isolation-probe.mts'

function programOf({ entry, readable, isWhole }: WorkerProgram, directory: string | false) {
  // Where a copy would be out of the workers' reach, they have the original, as long as that is there.
  if (!isWhole || directory === false)
    return { entry, readable, probe: PROBE_PROGRAM, restore: () => {} }
  const originals = { ...filesOf(dirname(entry)), [PROBE]: PROBE_PROGRAM }
  const { restore } = copyProgram(originals, directory)
  const [copy, probe] = [join(directory, basename(entry)), join(directory, PROBE)]
  return { entry: copy, readable: [directory], probe, restore }
}
