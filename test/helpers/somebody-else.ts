import { statSync } from 'node:fs'
import { dirname } from 'node:path'

/** Why no program of this checkout can be run as another user; false when one can. For `skip`. */
export const notAsSomebodyElse: string | false =
  process.platform !== 'linux' || process.getuid?.() !== 0
    ? 'needs root, to run a gateway as somebody else'
    : whatIsClosed(process.cwd())

/** Why workers of root's gateway, which are another user, cannot run programs of this checkout; false when they can. */
export const notByRootsWorkers: string | false =
  process.getuid?.() === 0 ? whatIsClosed(process.cwd()) : false

/** Whoever may not enter a directory above it reaches nothing of the checkout. */
function whatIsClosed(directory: string): string | false {
  if ((statSync(directory).mode & 0o001) === 0) return `others may not enter ${directory}`
  return dirname(directory) === directory ? false : whatIsClosed(dirname(directory))
}
