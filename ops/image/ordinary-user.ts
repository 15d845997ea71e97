import { chmodSync, chownSync, copyFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

/** `node`, the user that the official images bring along. */
const NODE_USER = 1000

/**
 * What root gives up to be like the container: an ordinary user, and a node binary in `directory` that this
 * user can execute but not read. Undefined when this process is an ordinary user itself.
 */
export function ordinaryUser(directory: string): { id: number; node: string } | undefined {
  if (process.getuid?.() !== 0) return undefined
  const node = join(directory, 'node')
  copyFileSync(process.execPath, node)
  chmodSync(node, 0o711)
  return { id: NODE_USER, node }
}

/** Gives a directory and all in it to the user. */
export function giveTo(id: number, directory: string): void {
  chownSync(directory, id, id)
  for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' })) {
    chownSync(join(directory, name), id, id)
  }
}
