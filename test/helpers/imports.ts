import { existsSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'

export interface Import {
  /** As it is written. */
  readonly name: string
  /** Our own file, from the repository's root; undefined for a package. */
  readonly path: string | undefined
  /** `import type`, which is gone at run time. */
  readonly isType: boolean
  readonly isDynamic: boolean
}

const CLAUSE = String.raw`\*(?:\s+as\s+\w+)?|\w+(?:,\s*\{[^}]*\})?|\{[^}]*\}`
const STATIC = new RegExp(
  String.raw`^(?:import|export)\s+(?:(type\s+)?(?:${CLAUSE})\s+from\s+)?'([^']+)'`,
  'gm'
)
const DYNAMIC = /\bimport\(\s*'([^']+)'/g

/** What a file of ours imports, or re-exports. `file` is a path from the repository's root. */
export function importsOf(file: string): Import[] {
  const text = readFileSync(file, 'utf8')
  const found = (name: string, isType: boolean, isDynamic: boolean): Import => ({
    name,
    path: ownFile(file, name),
    isType,
    isDynamic
  })
  return [
    ...text.matchAll(STATIC).map(([, type, name = '']) => found(name, type !== undefined, false)),
    ...text.matchAll(DYNAMIC).map(([, name = '']) => found(name, false, true))
  ]
}

function ownFile(file: string, name: string): string | undefined {
  if (name.startsWith('#shared/')) return name.replace('#shared/', 'shared/')
  if (!name.startsWith('.')) return undefined
  const path = posix.join(posix.dirname(file), name)
  if (!existsSync(path)) throw new Error(`${file} imports ${name}, which is not there.`)
  return path
}
