import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundle } from '../build.ts'

/** A directory of one run, with the programs of it. */
export interface BenchPlace extends AsyncDisposable {
  readonly directory: string
  /** Bundled programs: what is compared starts from the same kind of file. */
  readonly programs: {
    readonly worker: string
    readonly oneProcess: string
    readonly empty: string
  }
}

/** Programs of the bench that run from their sources. */
export const PROCESS = {
  gateway: fileURLToPath(new URL('./processes/gateway.ts', import.meta.url)),
  load: fileURLToPath(new URL('./processes/load.ts', import.meta.url))
}

export async function openBenchPlace(): Promise<BenchPlace> {
  const directory = await mkdtemp(join(tmpdir(), 'bench-'))
  await chmod(directory, 0o711) // workers may be another user's
  const programs = join(directory, 'programs')
  await bundle(
    {
      worker: 'ops/bench/processes/worker.ts',
      'one-process': 'ops/bench/processes/one-process.ts',
      empty: 'ops/bench/processes/empty.ts'
    },
    programs
  )
  return {
    directory,
    programs: {
      worker: join(programs, 'worker.mjs'),
      oneProcess: join(programs, 'one-process.mjs'),
      empty: join(programs, 'empty.mjs')
    },
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true })
  }
}
