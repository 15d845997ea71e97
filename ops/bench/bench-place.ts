import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundle, bundleWorker } from '../build.ts'

/** A directory of one run, with the programs of it. Other builds are compared through it: its name and what it has stay. */
export interface BenchPlace extends AsyncDisposable {
  readonly directory: string
  /** Bundled programs: what is compared starts from the same kind of file. */
  readonly programs: {
    readonly worker: string
    readonly oneProcess: string
    readonly empty: string
  }
}

const DIST = fileURLToPath(new URL('../../dist', import.meta.url))

/** A program of the bench, by the name of its file. */
export const source = (name: string): string =>
  fileURLToPath(new URL(`./processes/${name}.ts`, import.meta.url))

/** Programs of the bench that run from their sources. */
export const PROCESS = { load: source('load') }

export async function openBenchPlace(): Promise<BenchPlace> {
  await using undo = new AsyncDisposableStack() // when one of the programs does not bundle
  const directory = await mkdtemp(join(tmpdir(), 'bench-'))
  undo.defer(() => rm(directory, { recursive: true, force: true }))
  await chmod(directory, 0o711) // workers may be another user's
  // A gateway lets workers read below the project's own directory only.
  await mkdir(DIST, { recursive: true })
  const worker = await mkdtemp(join(DIST, 'bench-'))
  undo.defer(() => rm(worker, { recursive: true, force: true }))
  await chmod(worker, 0o755)
  await bundleWorker(source('worker'), worker)
  const others = join(directory, 'others')
  await bundle({ 'one-process': source('one-process'), empty: source('empty') }, others)
  const whole = undo.move()
  return {
    directory,
    programs: {
      worker: join(worker, 'main.mjs'),
      oneProcess: join(others, 'one-process.mjs'),
      empty: join(others, 'empty.mjs')
    },
    [Symbol.asyncDispose]: () => whole.disposeAsync()
  }
}
