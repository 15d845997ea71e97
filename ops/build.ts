/** Bundles the worker program, so that it starts fast and may read no file but its own. */
import { rm } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Writes `dist/worker`. Throws when the program does not bundle. */
export async function buildWorker(): Promise<void> {
  await rm(`${root}dist`, { recursive: true, force: true })
  await bundle({ main: 'worker/main.ts', 'mime-thread': 'worker/mime/tasks.ts' }, 'dist/worker')
  // Piscina starts its threads from a file of this name beside its own.
  await bundle({ worker: 'node_modules/piscina/dist/worker.js' }, 'dist/worker', '.js')
}

/** Bundles programs, named as their files below `outdir` shall be. Throws when one does not bundle. */
export async function bundle(
  entryPoints: Readonly<Record<string, string>>,
  outdir: string,
  extension = '.mjs'
): Promise<void> {
  await build({
    absWorkingDir: root,
    entryPoints: { ...entryPoints },
    outdir,
    outExtension: { '.js': extension },
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    legalComments: 'none',
    // CommonJS packages inside an ES module bundle still call `require` for Node's own modules.
    banner: { js: REQUIRE },
    define: { __dirname: 'import.meta.dirname' },
    external: ['@napi-rs/nice'], // native, and piscina goes without
    logLevel: 'warning'
  })
}

const REQUIRE =
  "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);"

if (import.meta.main) await buildWorker()
