import { statSync } from 'node:fs'
import { dirname } from 'node:path'

/** Why no program of this checkout can be run as another user; false when one can. For `skip`. */
export const notAsSomebodyElse: string | false =
  process.platform !== 'linux' || process.getuid?.() !== 0
    ? 'needs root, to run a gateway as somebody else'
    : whatIsClosed(process.cwd())

/** Whoever may not enter a directory above it reaches nothing of the checkout. */
function whatIsClosed(directory: string): string | false {
  if ((statSync(directory).mode & 0o001) === 0) return `others may not enter ${directory}`
  return dirname(directory) === directory ? false : whatIsClosed(dirname(directory))
}
