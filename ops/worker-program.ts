import { access, constants, readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { cachedDataVersionTag } from 'node:v8'
import { recordBytecode } from './build/record-bytecode.ts'

const PROGRAM = fileURLToPath(new URL('../dist/worker/', import.meta.url))
/** Of which V8 the bytecode is. */
const TAG = `${PROGRAM}v8-tag`

/**
 * Makes the program of the workers ready for this Node. In a checkout it is built from the source; in the published
 * package it is there, and its bytecode is kept anew where it is of another V8: workers run without it, but start slower.
 * Throws when the program does not build or does not run.
 */
export async function prepareWorker(): Promise<void> {
  if (import.meta.url.endsWith('.ts')) return (await import('./build.ts')).buildWorker()
  const tag = String(cachedDataVersionTag())
  if ((await readFile(TAG, 'utf8').catch(() => '')) === tag) return
  // Installed by root for all, say: the slower start is theirs who run it.
  if (!(await isWritable(PROGRAM))) return
  await recordBytecode(`${PROGRAM}program.cjs`, `${PROGRAM}program.bytecode`)
  await writeFile(TAG, tag)
}

const isWritable = (directory: string): Promise<boolean> =>
  access(directory, constants.W_OK).then(
    () => true,
    () => false
  )
