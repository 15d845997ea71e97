import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const VERSION = /^(\d+)\.(\d+)\.(\d+)$/

/**
 * Throws where a version does not follow another by Semantic Versioning 2.0.0 (section 11), or is none; releases have three
 * numbers. The first release may be of the version that stands there.
 */
export function assertFollows(next: string, last: string, isFirst: boolean): void {
  const [after, before] = [numbers(next), numbers(last)]
  const first = after.findIndex((number, place) => number !== before[place])
  const rises = first !== -1 && Number(after[first]) > Number(before[first])
  if (!rises && !(isFirst && next === last))
    throw new Error(`${next} does not follow ${last}: a release rises.`)
}

/** Writes a version wherever one stands below `root`: what npm reads, and what the program says of itself. */
export async function writeVersion(root: string, version: string): Promise<void> {
  await edit(join(root, 'package.json'), /("version": ")[^"]+/, version)
  // The lock file says it twice: of itself, and of the package at its root.
  const lock = join(root, 'package-lock.json')
  await edit(lock, /^( {2}"version": ")[^"]+/m, version)
  await edit(lock, /^( {6}"version": ")[^"]+/m, version)
  await edit(join(root, 'shared/version.ts'), /(VERSION = ')[^']+/, version)
}

async function edit(file: string, place: RegExp, version: string): Promise<void> {
  const text = await readFile(file, 'utf8')
  if (!place.test(text)) throw new Error(`No version stands in ${file}.`)
  await writeFile(file, text.replace(place, `$1${version}`))
}

function numbers(version: string): number[] {
  const found = VERSION.exec(version)
  if (!found) throw new Error(`${JSON.stringify(version)} is no version such as 1.2.3.`)
  return found.slice(1).map(Number)
}
