import { fileURLToPath } from 'node:url'
import { build, stop } from 'esbuild'
import t from 'tap'
import { inlineExports } from '../../ops/build/inline-exports.ts'
import { LISTED_TOOLS } from '../../worker/server/tool-list.ts'

const FILE = fileURLToPath(new URL('../../worker/server/tool-list.ts', import.meta.url))

t.test('the bundle holds what the module exports, and nothing that makes it', async (t) => {
  const outfile = `${t.testdir()}/listed.mjs`
  await build({
    entryPoints: [FILE],
    outfile,
    bundle: true,
    format: 'esm',
    plugins: [inlineExports(FILE)]
  })
  await stop()
  const bundled = await import(outfile)
  t.same(bundled.LISTED_TOOLS, JSON.parse(JSON.stringify(LISTED_TOOLS)))
  t.ok(Object.keys(bundled.LISTED_TOOLS).length >= 39, 'every tool')
  t.notMatch(JSON.stringify(LISTED_TOOLS), /[^ -~]/, 'ASCII: one byte a character for V8 as well')
})
