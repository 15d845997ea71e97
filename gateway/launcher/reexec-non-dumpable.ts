import { nonDumpableNode } from './non-dumpable-node.ts'

/**
 * Runs this very program again, in the same process, from a node that nobody can read: no other process of
 * its user can then look into it. To be called before anything is opened. Does not return when it does that,
 * and does nothing where it is done already, is not possible (Linux only; a channel to a parent would be
 * lost), or is not needed: a gateway that runs as root has workers of another user.
 */
export function reexecNonDumpable(nodeDirectories: readonly string[]): void {
  if (process.platform !== 'linux' || process.getuid?.() === 0) return
  if (!process.execve || process.send) return
  const { path, isNonDumpable } = nonDumpableNode(process.execPath, nodeDirectories)
  if (!isNonDumpable || path === process.execPath) return
  const args = [
    process.execPath,
    '--disable-sigusr1',
    ...process.execArgv,
    ...process.argv.slice(1)
  ]
  process.execve(path, args)
}
