/** Bundles the worker program, so that it starts fast and may read no file but its own. */
import { rm } from 'node:fs/promises'
import { build } from 'esbuild'

const root = new URL('..', import.meta.url).pathname

await rm(`${root}dist`, { recursive: true, force: true })
const { errors } = await build({
  absWorkingDir: root,
  entryPoints: { main: 'worker/main.ts', 'mime-thread': 'worker/mime/tasks.ts' },
  outdir: 'dist/worker',
  outExtension: { '.js': '.mjs' },
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node24',
  legalComments: 'none',
  // CommonJS packages inside an ES module bundle still call `require` for Node's own modules.
  banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  logLevel: 'warning'
})
if (errors.length > 0) process.exitCode = 1
