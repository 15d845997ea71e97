import {
  accessSync,
  chmodSync,
  constants,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync
} from 'node:fs'
import { dirname, join } from 'node:path'

export interface NonDumpableNode {
  readonly path: string
  /** Whether the kernel keeps its processes' memory and environment from other processes of their user. */
  readonly isNonDumpable: boolean
}

/**
 * A node program that can be run but not read: the kernel then lets no other process of the same user look
 * into it (execve(2), ptrace(2): "dumpable"). Takes `node` itself where the image is built that way, else
 * makes a copy in the first of `directories` that will do, and keeps it for the next start. Without Linux,
 * or without a place for the copy, it is `node` as it is.
 */
export function nonDumpableNode(node: string, directories: readonly string[]): NonDumpableNode {
  if (process.platform !== 'linux') return { path: node, isNonDumpable: false }
  if (!isReadable(node)) return { path: node, isNonDumpable: true }
  for (const directory of directories) {
    const path = copyOf(node, directory)
    if (path !== undefined) return { path, isNonDumpable: true }
  }
  return { path: node, isNonDumpable: false }
}

/**
 * Makes the program at `path` again if something has taken it, such as what clears temporary directories; from the first of
 * `sources` that can be read. Never throws: a start that fails without it says so.
 */
export function restoreNode(path: string, sources: readonly string[]): void {
  if (existsSync(path)) return
  try {
    const source = sources.find((one) => one !== path && existsSync(one) && isReadable(one))
    if (source === undefined) return
    mkdirSync(dirname(path), { recursive: true, mode: 0o711 })
    if (isOurs(dirname(path))) copyTo(source, path)
  } catch {
    // no room, or read-only
  }
}

const COPY = /^node-\d+-\d+$/
/** As openRunDirectory names the directory of a gateway. */
const GATEWAY = /^\d+-\d+$/

/** Removes the copies in these directories, unless another gateway has its notes there. Never throws. */
export function removeNodes(directories: readonly string[]): void {
  for (const directory of directories) {
    try {
      const names = readdirSync(directory)
      if (names.some((name) => GATEWAY.test(name)) || !isOurs(directory)) continue
      for (const name of names) if (COPY.test(name)) rmSync(join(directory, name), { force: true })
    } catch {
      // there is none
    }
  }
}

function copyOf(node: string, directory: string): string | undefined {
  const { size, mtimeMs } = statSync(node)
  const path = join(directory, `node-${size}-${Math.trunc(mtimeMs)}`)
  try {
    mkdirSync(directory, { recursive: true, mode: 0o711 })
    if (!isOurs(directory)) return undefined
    if (!isComplete(path, size)) copyTo(node, path)
    accessSync(path, constants.X_OK) // the directory may be mounted noexec
    return path
  } catch {
    return undefined // no room, or read-only
  }
}

/** What lies in a directory of somebody else's might be anything. */
function isOurs(directory: string): boolean {
  const { uid, mode } = lstatSync(directory)
  return uid === process.getuid?.() && (mode & 0o022) === 0
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
