import { chownSync, statSync } from 'node:fs'

/** Root writes for somebody else, as a rule: the file is then of whoever `like`, a file or a directory, belongs to. */
export function giveTo(file: string, like: string): void {
  if (process.getuid?.() !== 0) return
  const { uid, gid } = statSync(like)
  chownSync(file, uid, gid)
}
