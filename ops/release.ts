/**
 * `npm run release -- <version> [--dry-run] [--repository https://github.com/OWNER/PROJECT]`: makes a release of what is
 * committed. In a clone of its own it dates the changes, writes the version, makes the npm package, the bundle for desktop
 * clients, the bill of materials and `server.json`, and tries what it made. Only then, and not with --dry-run, the commit and
 * its tag come to the branch that is checked out, and the files to `dist/release`. It publishes nothing.
 */
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readCommandLine, refuseCommandLine } from './command-line.ts'
import { changesUnder, releaseChanges } from './release/changelog.ts'
import { readManifest } from './release/package-manifest.ts'
import { run } from './release/run.ts'
import { assertFollows, writeVersion } from './release/versions.ts'

const USAGE =
  'npm run release -- <version> [--dry-run] [--repository https://github.com/OWNER/PROJECT]\n'
const root = fileURLToPath(new URL('..', import.meta.url))
const say = (line: string): void => void process.stdout.write(`${line}\n`)
const git = (args: readonly string[], cwd = root): Promise<string> => run('git', args, cwd)

const { positionals, values } = readCommandLine({
  usage: USAGE,
  most: 1,
  options: { 'dry-run': { type: 'boolean', default: false }, repository: { type: 'string' } }
})
const [version] = positionals
if (version === undefined) refuseCommandLine('Name the version.', USAGE)

try {
  await release(version, values['dry-run'], values.repository)
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}

async function release(
  version: string,
  isDry: boolean,
  repository: string | undefined
): Promise<void> {
  const { version: last } = readManifest(await readFile(join(root, 'package.json'), 'utf8'))
  const tags = (await git(['tag', '--list', 'v*'])).split('\n').filter(Boolean)
  assertFollows(version, last, tags.length === 0)
  if (tags.includes(`v${version}`)) throw new Error(`There is a tag v${version} already.`)
  if ((await git(['status', '--porcelain'])) !== '')
    throw new Error('There are changes that are not committed: a release is of what is committed.')
  const scratch = await mkdtemp(join(tmpdir(), 'gmail-mcp-release-'))
  try {
    const clone = join(scratch, 'clone')
    await git(['clone', '--quiet', '.', clone])
    await run('npm', ['ci', '--ignore-scripts', '--prefer-offline', '--no-audit'], clone)
    await prepare(clone, version)
    const options = repository === undefined ? [] : ['--repository', repository]
    process.stdout.write(await run('node', ['ops/package.ts', ...options], clone))
    if (isDry) return say(`${version} could be released; nothing was changed.`)
    await git(['fetch', '--quiet', clone, `refs/tags/v${version}:refs/tags/v${version}`])
    await git(['merge', '--quiet', '--ff-only', `v${version}`])
    await cp(join(clone, 'dist/release'), join(root, 'dist/release'), { recursive: true })
    say(`${version} is committed and tagged; dist/release holds what to publish.`)
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

/** Commits the version in a clone, and tags it with what has changed. */
async function prepare(clone: string, version: string): Promise<void> {
  const file = join(clone, 'CHANGELOG.md')
  const day = new Date().toISOString().slice(0, 10)
  const changelog = releaseChanges(await readFile(file, 'utf8'), version, day)
  await writeFile(file, changelog)
  await writeVersion(clone, version)
  await git(['add', '--all', '.'], clone)
  await git(['commit', '--quiet', '--allow-empty', '-m', `release: ${version}`], clone)
  const changes = changesUnder(changelog, version)
  await git(
    ['tag', '--annotate', '--cleanup=verbatim', `v${version}`, '-m', `${version}\n\n${changes}`],
    clone
  )
}
