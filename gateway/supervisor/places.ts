import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface Places {
  /** For the gateway's notes. */
  readonly directory: string
  /** Where a copy of node may lie: one for all gateways of this user, if that will do. */
  readonly nodeDirectories: readonly string[]
}

/** Where the supervisor's files lie, given RUN_DIR if it is set. */
export function placesFor(runDirectory: string | undefined): Places {
  const usual = join(tmpdir(), `gmail-mcp-${process.getuid?.() ?? 0}`)
  const directory = runDirectory ?? usual
  return { directory, nodeDirectories: [usual, directory] }
}
