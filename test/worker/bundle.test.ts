/**
 * The worker's own unit tests once more, against what ships: bundled and minified by the build, and read as a worker
 * reads its program. A text or a pattern that a step of that changes fails here, though its source is right.
 */
import { isAscii } from 'node:buffer'
import { globSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stop } from 'esbuild'
import t, { type Test } from 'tap'
import { bundleMimeThread, bundleProgram } from '../../ops/build.ts'
import { systemClock } from '../../shared/clock.ts'
import { MimeThread } from '../../worker/mime/mime-thread.ts'
import { readHtml } from '../../worker/mime/read-html.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const runner = fileURLToPath(new URL('../fixtures/bundle/run.ts', import.meta.url))

/** A directory within the project, so that a bundle finds tap; removed at the end of the test. */
async function outdirOf(t: Test): Promise<string> {
  await mkdir(join(root, 'dist'), { recursive: true })
  const outdir = await mkdtemp(join(root, 'dist/tests-'))
  t.teardown(() => rm(outdir, { recursive: true, force: true }))
  await bundleMimeThread(outdir)
  return outdir
}

/** Tests of the worker's pure parts; those of threads and processes know their files from where they stand. */
function unitTests(): string[] {
  const patterns = ['test/worker/{mime,gmail}/**/*.test.ts', 'test/regressions/**/*.test.ts']
  return globSync(patterns, { cwd: root })
    .toSorted()
    .filter((file) => {
      const source = readFileSync(join(root, file), 'utf8')
      const isPure = !/import\.meta|process\.execPath|\/gateway\//.test(source)
      const waitsAtTheTop = /^(await|const [^\n=]+ = await) /m.test(source)
      return /\/worker\/(mime|gmail)\//.test(source) && isPure && !waitsAtTheTop
    })
}

t.teardown(() => stop())

t.test('the worker’s unit tests hold for the bundle', async (t) => {
  const files = unitTests()
  for (const name of ['mime/text.test.ts', 'gmail/pure.test.ts', 'gmail/compose.test.ts'])
    t.ok(files.includes(`test/worker/${name}`), name)
  for (const file of files) {
    const outdir = await outdirOf(t)
    await bundleProgram(join(root, file), outdir, ['tap'])
    await t.spawn(process.execPath, [runner, join(outdir, 'program.cjs')], { cwd: root }, file)
  }
})

t.test('the thread that ships reads HTML as its source does', async (t) => {
  const outdir = await outdirOf(t)
  for (const name of globSync('*.{js,mjs}', { cwd: outdir }))
    t.ok(isAscii(readFileSync(join(outdir, name))), name)
  const threadFile = join(outdir, 'mime-thread.mjs')
  const pool = new MimeThread({ threadFile, clock: systemClock })
  t.teardown(() => pool.close())
  for (const html of [
    '<p>Grüße, 日本語 &ndash; <b>fett</b></p><ul><li>один<li>δύο</ul>',
    '<div style="display:none">versteckt</div><p style="color:#fff">weiß</p><p>sichtbar</p>',
    '<style>.ä{display:none} p::before{content:"→"}</style><p class="ä">weg</p><p>da</p>',
    '<table><tr><td>Straße<td>5 €<tr><td>Größe<td>42</table>',
    '<a href="https://x.test/ü?q=ñ">Lien très long</a><img alt="🎉" src="x"><s>10</s>',
    '<blockquote>«Zitat»</blockquote><pre>a\n  b</pre><ol start="5"><li>fünf</ol>'
  ]) {
    const wishes = { html: true, wholeLinks: false }
    const read = await pool.readHtml(html, new AbortController().signal, wishes)
    t.same(read, readHtml(html, wishes), html)
  }
})
