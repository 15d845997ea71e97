import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface RunPaths {
  /** For the gateway's notes. */
  readonly directory: string
  /** Where a copy of node may lie: in RUN_DIR, or where programs may not be run from there, among temporary files. */
  readonly nodeDirectories: readonly string[]
}

/** Where the supervisor's files lie, given RUN_DIR if it is set. */
export function runPaths(runDirectory: string | undefined): RunPaths {
  const usual = join(tmpdir(), `gmail-mcp-${process.getuid?.() ?? 0}`)
  const directory = runDirectory ?? usual
  return { directory, nodeDirectories: [...new Set([directory, usual])] }
}
