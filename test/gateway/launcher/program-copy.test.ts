import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync
} from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { stop } from 'esbuild'
import t, { type Test } from 'tap'
import { systemClock } from '#shared/clock.ts'
import type { Launched, Launcher } from '../../../gateway/launcher/launcher.ts'
import { openLauncher } from '../../../gateway/launcher/open-launcher.ts'
import { copyProgram, filesOf } from '../../../gateway/launcher/program-copy.ts'
import { openRunDirectory } from '../../../gateway/launcher/run-directory.ts'
import { bundle } from '../../../ops/build.ts'
import { shortDirectory } from '../../helpers/launch-fixture.ts'
import { WorkerAgent } from '../../helpers/worker-connection.ts'

const LOADS_LATE = fileURLToPath(new URL('../../fixtures/workers/loads-late.ts', import.meta.url))

function directoryWith(t: Test, files: Readonly<Record<string, string>>): string {
  const directory = join(shortDirectory(t), 'program')
  mkdirSync(directory)
  for (const [name, content] of Object.entries(files)) writeFileSync(join(directory, name), content)
  return directory
}

async function launcherFor(release: string, directory: string): Promise<Launcher> {
  const { launcher } = await openLauncher({
    clock: systemClock,
    randomHex: (bytes) => randomBytes(bytes).toString('hex'),
    directory,
    nodeDirectories: [directory],
    program: { entry: join(release, 'main.mjs'), readable: [release], isWhole: true },
    env: {},
    uids: undefined,
    memoryBytes: 256 * 2 ** 20,
    mustHold: false,
    wanted: 'auto',
    assets: { keys: [], databases: [], directories: [directory], doors: [] },
    init: { gmailOrigin: '', resourceMetadataUrl: '' }
  })
  return launcher
}

/** What a start of the worker loads and what it loads late are of one release. */
t.test('an upgrade in place changes nothing for workers of a running gateway', async (t) => {
  const release = directoryWith(t, { 'late.mjs': "export const text = 'before'" })
  await bundle({ main: LOADS_LATE }, release)
  await stop()
  const directory = shortDirectory(t)
  const launcher = await launcherFor(release, directory)
  const early = launcher.launch()
  await early.ready
  renameSync(release, `${release}-before`)
  mkdirSync(release)
  writeFileSync(join(release, 'late.mjs'), "export const text = 'after'")
  const late = launcher.launch()
  await late.ready
  t.equal(await ask(early), 'before', 'one that was started before it')
  t.equal(await ask(late), 'before', 'and one that is started afterwards')
  for (const worker of [early, late]) {
    worker.kill('SIGTERM')
    await worker.gone
  }
  await launcher.close()
  t.strictSame(readdirSync(directory), [], 'nothing is left of the copy')
})

t.test('workers run where they may not enter the directory for the copy', async (t) => {
  const release = directoryWith(t, { 'late.mjs': "export const text = 'there'" })
  await bundle({ main: LOADS_LATE }, release)
  await stop()
  const closed = shortDirectory(t, 0o700)
  const launcher = await launcherFor(release, join(closed, 'run'))
  const worker = launcher.launch()
  await worker.ready
  t.equal(await ask(worker), 'there')
  worker.kill('SIGTERM')
  await worker.gone
  await launcher.close()
})

async function ask(worker: Launched): Promise<string> {
  const asked = request({ agent: new WorkerAgent(() => worker.connect()), path: '/' }).end()
  const [response] = await once(asked, 'response')
  return text(response)
}

t.test('files that were cleared away come back, from the same release only', (t) => {
  const source = directoryWith(t, { 'main.mjs': 'one', 'late.mjs': 'two' })
  const copy = join(shortDirectory(t), 'copy')
  const { restore } = copyProgram(filesOf(source), copy)
  const copied = (): string[] =>
    readdirSync(copy).map((name) => `${name} ${readFileSync(join(copy, name), 'utf8')}`)
  const whole = ['late.mjs two', 'main.mjs one']
  t.strictSame(copied(), whole)
  rmSync(join(copy, 'late.mjs'))
  restore()
  t.strictSame(copied(), whole)
  rmSync(copy, { recursive: true })
  const umask = process.umask(0o077) // as a service may have it
  restore()
  process.umask(umask)
  t.strictSame(copied(), whole)
  t.equal(statSync(copy).mode & 0o777, 0o755, 'workers of other users may enter it')
  rmSync(join(copy, 'late.mjs'))
  rmSync(join(copy, 'main.mjs'))
  writeFileSync(join(source, 'late.mjs'), 'three')
  restore()
  t.strictSame(copied(), ['main.mjs one'])
  t.end()
})

t.test('a program that cannot be copied is a sentence for the operator', (t) => {
  const source = directoryWith(t, { 'main.mjs': 'one' })
  const taken = join(source, 'main.mjs')
  t.throws(() => copyProgram(filesOf(source), taken), {
    code: 'ERR_CONFIG',
    message: /RUN_DIR.*EEXIST/
  })
  t.end()
})

t.test('the copy of a gateway that is dead goes with its notes', async (t) => {
  const base = shortDirectory(t)
  mkdirSync(join(base, `program-${2 ** 22}-77`))
  writeFileSync(join(base, `program-${2 ** 22}-77`, 'main.mjs'), 'one')
  const directory = openRunDirectory({ base, pid: process.pid })
  t.notOk(readdirSync(base).some((name) => name.includes(`${2 ** 22}`)))
  mkdirSync(directory.program)
  const second = openRunDirectory({ base, pid: process.pid })
  t.ok(
    readdirSync(base).some((name) => name.startsWith('program-')),
    'that of a live one stays'
  )
  await second.close()
  t.strictSame(readdirSync(base), [])
  await directory.close()
})
