import type { Clock } from '#shared/clock.ts'
import { removeNodes, restoreNode } from './hidden-node.ts'
import { type IsolationParts, isolate } from './isolation.ts'
import type { IsolationReport } from './isolation-report.ts'
import { ProcessLauncher, type ProcessLauncherParts } from './process-launcher.ts'
import { openRunDirectory, type RunDirectory } from './run-directory.ts'
import type { UidRange } from './uid-slots.ts'

export interface OpenLauncherParts
  extends Pick<ProcessLauncherParts, 'entry' | 'env' | 'init' | 'onLine' | 'dial' | 'onDial'> {
  readonly clock: Clock
  readonly randomHex: (bytes: number) => string
  /** For the gateway's notes. */
  readonly directory: string
  /** Where a copy of node may lie that cannot be read: the first place that will do. */
  readonly nodeDirectories: readonly string[]
  /** The files and directories of the worker's program. */
  readonly readable: readonly string[]
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
    const machine = { node: process.execPath, pid: process.pid }
    const { confinement, report, node, mostWorkers } = await isolate({
      ...parts,
      ...machine,
      runDirectory
    })
    // A gateway that hides itself runs from the copy; its first argument says from what that was made.
    const prepare = (): void => restoreNode(node, [process.execPath, process.argv0])
    const made = { clock, randomHex, runDirectory, confinement, prepare }
    const launcher = new ProcessLauncher({ ...parts, ...made })
    return { launcher, isolation: report, mostWorkers, reaped: runDirectory.reaped }
  } catch (error) {
    await runDirectory.close()
    throw error
  }
}
