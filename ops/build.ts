/** Bundles the worker program, so that it starts fast and may read no file but its own. */
import { rm } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Writes `dist/worker`. Throws when the program does not bundle. */
export async function buildWorker(): Promise<void> {
  await rm(`${root}dist`, { recursive: true, force: true })
  await bundle({ main: 'worker/main.ts', 'mime-thread': 'worker/mime/tasks.ts' }, 'dist/worker')
}

/** Bundles programs, named as their files below `outdir` shall be. Throws when one does not bundle. */
export async function bundle(
  entryPoints: Readonly<Record<string, string>>,
  outdir: string
): Promise<void> {
  await build({
    absWorkingDir: root,
    entryPoints: { ...entryPoints },
    outdir,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    legalComments: 'none',
    // CommonJS packages inside an ES module bundle still call `require` for Node's own modules.
    banner: { js: REQUIRE },
    logLevel: 'warning'
  })
}

const REQUIRE =
  "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);"

if (import.meta.main) await buildWorker()
