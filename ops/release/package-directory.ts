import { chmod, cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { cachedDataVersionTag } from 'node:v8'
import { buildWorker } from '../build.ts'
import { publishedLock } from './lock.ts'
import { publishedManifest, readManifest } from './package-manifest.ts'
import { run } from './run.ts'
import { licencesOf, thirdParties } from './third-party.ts'

/** What is published as it is. */
const AS_IT_IS = ['README.md', 'CHANGELOG.md', 'SECURITY.md', 'LICENSE', 'docs', 'dist/worker']
const PAGE = 'gateway/admin/page'
/** Needs the bundler, which is not published. */
const FOR_THE_BUILD = ['ops/build.js', 'ops/build/ascii.js', 'ops/build/inline-exports.js']

/**
 * Makes the directory that is published as the npm package below `root`, and returns it: the programs compiled, the
 * worker's program bundled, and the licences of others. `repository` is where the code is, if that is to be said.
 */
export async function makePackage(root: string, repository: string | undefined): Promise<string> {
  const target = join(root, 'dist/package')
  const source = readManifest(await readFile(join(root, 'package.json'), 'utf8'))
  const manifest = publishedManifest(source, repository)
  await rm(target, { recursive: true, force: true })
  await buildWorker()
  await run('tsc', ['-p', 'ops/release/tsconfig.json'], root)
  await Promise.all(FOR_THE_BUILD.map((file) => rm(join(target, file))))
  for (const path of AS_IT_IS) await cp(join(root, path), join(target, path), { recursive: true })
  await cp(join(root, PAGE), join(target, PAGE), {
    recursive: true,
    filter: (path) => !path.endsWith('tsconfig.json')
  })
  for (const file of Object.values(source.bin))
    await chmod(join(target, file.replace(/\.ts$/, '.js')), 0o755)
  await writeFile(join(target, 'dist/worker/v8-tag'), String(cachedDataVersionTag()))
  await writeFile(join(target, 'package.json'), `${JSON.stringify(manifest, undefined, 2)}\n`)
  const lock = publishedLock(await readFile(join(root, 'package-lock.json'), 'utf8'), manifest)
  await writeFile(join(target, 'npm-shrinkwrap.json'), `${JSON.stringify(lock, undefined, 2)}\n`)
  await writeFile(
    join(target, 'THIRD-PARTY-LICENSES.txt'),
    await licencesOf(await thirdParties(root))
  )
  return target
}

/** Packs a directory into `into`, and returns the tarball's path. */
export async function pack(directory: string, into: string): Promise<string> {
  await mkdir(into, { recursive: true })
  const said = await run('npm', ['pack', '--json', '--pack-destination', into], directory)
  const [{ filename }] = JSON.parse(said)
  return join(into, filename)
}
