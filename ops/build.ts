/** Bundles the worker program, so that it starts fast and may read no file but its own. */
import { chmod, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type BuildOptions, build, stop } from 'esbuild'
import { assertAscii, makeAscii } from './build/ascii.ts'
import { inlineExports } from './build/inline-exports.ts'
import { recordBytecode } from './build/record-bytecode.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Writes `dist/worker`. Throws when the program does not bundle or does not run. */
export async function buildWorker(): Promise<void> {
  await mkdir(`${root}dist`, { recursive: true })
  // What runs meanwhile keeps what it has until all of it is there.
  const draft = await mkdtemp(`${root}dist/draft-`)
  await bundleWorker(`${root}worker/main.ts`, draft)
  await bundleMimeThread(draft)
  await chmod(draft, 0o755)
  await rm(`${root}dist/worker`, { recursive: true, force: true })
  await rename(draft, `${root}dist/worker`)
  await stop() // the bundler is a process of its own
}

/**
 * Bundles a worker's program into `outdir`: `main.mjs` starts `program.cjs` with the bytecode of a rehearsal.
 * Throws when the program does not bundle or does not run.
 */
export async function bundleWorker(entry: string, outdir: string): Promise<void> {
  await bundle({ main: START }, outdir)
  await bundleProgram(entry, outdir)
  await recordBytecode(join(outdir, 'program.cjs'), join(outdir, 'program.bytecode'))
}

/** Bundles a program into `program.cjs` below `outdir`, for `compileProgram`. Throws when it does not bundle. */
export async function bundleProgram(
  entry: string,
  outdir: string,
  external: readonly string[] = []
): Promise<void> {
  await build({
    ...COMMON,
    external: [...(COMMON.external ?? []), ...external],
    entryPoints: { program: entry },
    outdir,
    outExtension: { '.js': '.cjs' },
    format: 'cjs',
    // The text stays in memory for as long as the worker lives.
    minifySyntax: false,
    minifyWhitespace: true,
    banner: { js: FILE_URL },
    define: { 'import.meta.url': '__fileUrl' },
    plugins: [inlineExports(LISTED_TOOLS)]
  })
  await makeAscii(join(outdir, 'program.cjs'))
  await assertAscii(join(outdir, 'program.cjs'))
}

/** Makes all programs in `outdir` ASCII; see `makeAscii`. */
async function makeAllAscii(outdir: string): Promise<void> {
  const names = await readdir(outdir)
  for (const name of names.filter((each) => /\.[cm]?js$/.test(each))) {
    await makeAscii(join(outdir, name))
    await assertAscii(join(outdir, name))
  }
}

/** Puts the thread that reads HTML beside a worker's program. */
export async function bundleMimeThread(outdir: string): Promise<void> {
  await bundle({ 'mime-thread': `${root}worker/mime/html-tasks.ts` }, outdir)
  // Its libraries lie beside it, each read when it is needed.
  await bundle({ 'document-thread': `${root}worker/mime/documents/document-tasks.ts` }, outdir)
  // Piscina starts its threads from a file of this name beside its own.
  await bundle({ worker: `${root}node_modules/piscina/dist/worker.js` }, outdir, '.js')
  await makeAllAscii(outdir)
}

/** Bundles programs, named as their files below `outdir` shall be. Throws when one does not bundle. */
export async function bundle(
  entryPoints: Readonly<Record<string, string>>,
  outdir: string,
  extension = '.mjs'
): Promise<void> {
  await build({
    ...COMMON,
    entryPoints: { ...entryPoints },
    outdir,
    outExtension: { '.js': extension },
    splitting: true,
    format: 'esm',
    // CommonJS packages inside an ES module bundle still call `require` for Node's own modules.
    banner: { js: REQUIRE },
    define: { __dirname: 'import.meta.dirname' }
  })
}

const LISTED_TOOLS = fileURLToPath(new URL('../worker/server/tool-list.ts', import.meta.url))
const START = fileURLToPath(new URL('../worker/process/start.ts', import.meta.url))

const COMMON: BuildOptions = {
  absWorkingDir: root,
  bundle: true,
  charset: 'ascii',
  platform: 'node',
  target: 'node24',
  legalComments: 'none',
  external: ['@napi-rs/nice'], // native, and piscina goes without
  logLevel: 'warning'
}

const REQUIRE =
  "import { createRequire as __requireOf } from 'node:module'; const require = __requireOf(import.meta.url);"

const FILE_URL = "const __fileUrl = require('node:url').pathToFileURL(__filename).href;"

if (import.meta.main) await buildWorker()
