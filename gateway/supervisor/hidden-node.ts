import {
  accessSync,
  chmodSync,
  constants,
  copyFileSync,
  renameSync,
  rmSync,
  statSync
} from 'node:fs'
import { join } from 'node:path'

export interface HiddenNode {
  readonly path: string
  /** Whether the kernel keeps its processes' memory and environment from other processes of their user. */
  readonly isHidden: boolean
}

/**
 * A node program that can be run but not read: the kernel then lets no other process of the same user look
 * into it (execve(2), ptrace(2): "dumpable"). Takes `node` itself where the image is built that way, else
 * makes a copy in `directory` and keeps it for the next start. Without Linux, or without room for the copy,
 * it is `node` as it is.
 */
export function hideNode(node: string, directory: string): HiddenNode {
  if (process.platform !== 'linux') return { path: node, isHidden: false }
  if (!isReadable(node)) return { path: node, isHidden: true }
  const { size, mtimeMs } = statSync(node)
  const path = join(directory, `node-${size}-${Math.trunc(mtimeMs)}`)
  try {
    if (!isComplete(path, size)) copyTo(node, path)
    accessSync(path, constants.X_OK) // the directory may be mounted noexec
    return { path, isHidden: true }
  } catch {
    return { path: node, isHidden: false }
  }
}

/** A user with CAP_DAC_OVERRIDE reads everything; what counts is what a worker may read. */
function isReadable(file: string): boolean {
  if (process.getuid?.() === 0) return (statSync(file).mode & 0o444) !== 0
  try {
    accessSync(file, constants.R_OK)
    return true
  } catch {
    return false
  }
}

function isComplete(path: string, size: number): boolean {
  const found = statSync(path, { throwIfNoEntry: false })
  return found?.size === size && (found.mode & 0o777) === MODE
}

/** Not even for its owner. */
const MODE = 0o111

function copyTo(node: string, path: string): void {
  const draft = `${path}.${process.pid}`
  try {
    copyFileSync(node, draft, constants.COPYFILE_FICLONE)
    chmodSync(draft, MODE)
    renameSync(draft, path) // another gateway may be doing the same
  } finally {
    rmSync(draft, { force: true })
  }
}
