import { createHash } from 'node:crypto'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync
} from 'node:fs'
import { dirname, join } from 'node:path'
import { GatewayError } from '#shared/errors.ts'

/** A copy of the worker's program, which lasts while the original is built again or upgraded in place. */
export interface ProgramCopy {
  /**
   * Makes files again that something has taken, such as what clears temporary directories, as long as the original
   * still is what was copied. Never throws: a start that fails without them says so.
   */
  restore(): void
}

/**
 * Copies files to `directory`, which is made, for any user to read, wherever the originals lie: a name there, and the path of
 * its original. Workers load parts of their program when they need them: from the originals, a worker that was started
 * before an upgrade would find another program there, or none. Throws ERR_CONFIG where there is no room, and what reading an
 * original throws.
 */
export function copyProgram(
  originals: Readonly<Record<string, string>>,
  directory: string
): ProgramCopy {
  const files = Object.entries(originals).map(([name, original]) => ({
    original,
    copy: join(directory, name),
    digest: digestOf(original)
  }))
  try {
    makeReadable(directory)
    for (const { original, copy } of files) copyTo(original, copy)
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown'
    throw new GatewayError(
      'ERR_CONFIG',
      `RUN_DIR has no room for a copy of the worker's program (${code}); it takes 12 MB.`,
      { cause }
    )
  }
  return {
    restore() {
      for (const { original, copy, digest } of files) {
        if (existsSync(copy)) continue
        try {
          if (digestOf(original) !== digest) continue
          makeReadable(directory)
          copyTo(original, copy)
        } catch {
          // no room, or the original is gone as well
        }
      }
    }
  }
}

/** Whether users that own nothing of it may pass through a directory, and through those that it lies in. */
export function othersMayEnter(directory: string): boolean {
  if ((statSync(directory).mode & 0o001) === 0) return false
  return dirname(directory) === directory || othersMayEnter(dirname(directory))
}

/** The files of a directory, by their names. */
export const filesOf = (directory: string): Record<string, string> =>
  Object.fromEntries(readdirSync(directory).map((name) => [name, join(directory, name)]))

/** Made if missing, for any user to read whatever the umask. */
function makeReadable(directory: string): void {
  mkdirSync(directory, { recursive: true, mode: 0o755 })
  chmodSync(directory, 0o755)
}

const digestOf = (file: string): string =>
  createHash('sha256').update(readFileSync(file)).digest('hex')

function copyTo(file: string, path: string): void {
  const draft = `${path}.draft`
  try {
    copyFileSync(file, draft)
    chmodSync(draft, 0o444)
    renameSync(draft, path)
  } finally {
    rmSync(draft, { force: true })
  }
}
