import { createHash } from 'node:crypto'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync
} from 'node:fs'
import { join } from 'node:path'
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
 * Copies the files of `source` to `directory`, which is made, for any user to read. Workers load parts of their program
 * when they need them: from the original, a worker that was started before an upgrade would find another program there,
 * or none. Throws ERR_CONFIG where there is no room, and what reading `source` throws.
 */
export function copyProgram(source: string, directory: string): ProgramCopy {
  const digests = new Map(readdirSync(source).map((name) => [name, digestOf(join(source, name))]))
  try {
    makeReadable(directory)
    for (const name of digests.keys()) copyTo(join(source, name), join(directory, name))
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
      for (const [name, digest] of digests) {
        const [original, copy] = [join(source, name), join(directory, name)]
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
