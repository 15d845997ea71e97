import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { COMMANDS, usage } from '../../ops/cli/commands.ts'
import { changesUnder, releaseChanges } from '../../ops/release/changelog.ts'
import { desktopManifest } from '../../ops/release/desktop-bundle.ts'
import { publishedLock } from '../../ops/release/lock.ts'
import {
  publishedManifest,
  readManifest,
  registryName
} from '../../ops/release/package-manifest.ts'
import { registryEntry } from '../../ops/release/registry-entry.ts'
import { licencesOf, thirdParties } from '../../ops/release/third-party.ts'
import { assertFollows, writeVersion } from '../../ops/release/versions.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const REPOSITORY = 'https://github.com/example/gmail-mcp-gateway'
const read = (file: string): Promise<string> => readFile(join(ROOT, file), 'utf8')
const source = readManifest(await read('package.json'))

t.test('a version rises', async (t) => {
  // https://semver.org/spec/v2.0.0.html#spec-item-11
  for (const next of ['0.1.1', '0.2.0', '1.0.0', '0.10.0']) assertFollows(next, '0.1.0', false)
  assertFollows('0.1.0', '0.1.0', true)
  t.throws(() => assertFollows('0.1.0', '0.1.0', false), /does not follow/)
  t.throws(() => assertFollows('0.9.9', '1.0.0', false), /does not follow/)
  t.throws(() => assertFollows('0.9.0', '0.10.0', true), /does not follow/)
  for (const wrong of ['v1.0.0', '1.0', '1.0.0-rc.1', 'latest'])
    t.throws(() => assertFollows(wrong, '0.1.0', false), /no version such as/, wrong)
})

t.test('what is unreleased gets a version and a day', async (t) => {
  const before =
    '# Changelog\n\n## [Unreleased]\n\n### Added\n\n- one\n\n## [0.1.0] - 2026-01-02\n\n- old\n'
  const after = releaseChanges(before, '0.2.0', '2026-11-29')
  t.equal(changesUnder(after, 'Unreleased'), '')
  t.equal(changesUnder(after, '0.2.0'), '### Added\n\n- one')
  t.equal(changesUnder(after, '0.1.0'), '- old')
  t.throws(() => releaseChanges(before, '0.1.0', '2026-11-29'), /already/)
  t.throws(() => releaseChanges(after, '0.3.0', '2026-11-29'), /nothing to release/)
  t.not(
    changesUnder(await read('CHANGELOG.md'), 'Unreleased') +
      changesUnder(await read('CHANGELOG.md'), source.version),
    ''
  )
})

t.test('a version is written wherever one stands', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'gmail-mcp-version-'))
  t.teardown(() => rm(root, { recursive: true }))
  await mkdir(join(root, 'shared'))
  for (const file of ['package.json', 'package-lock.json', 'shared/version.ts'])
    await writeFile(join(root, file), await read(file))
  await writeVersion(root, '7.8.9')
  const written = (file: string): Promise<string> => readFile(join(root, file), 'utf8')
  t.equal(JSON.parse(await written('package.json')).version, '7.8.9')
  const lock = JSON.parse(await written('package-lock.json'))
  const before = JSON.parse(await read('package-lock.json'))
  t.same(
    lock,
    {
      ...before,
      version: '7.8.9',
      packages: { ...before.packages, '': { ...before.packages[''], version: '7.8.9' } }
    },
    'and nowhere else'
  )
  t.match(await written('shared/version.ts'), "VERSION = '7.8.9'")
  t.equal(
    (await written('shared/version.ts')).replace('7.8.9', source.version),
    await read('shared/version.ts')
  )
})

t.test('the package runs JavaScript, and is known by its repository', async (t) => {
  t.match(publishedManifest(source, REPOSITORY), {
    name: 'gmail-mcp-gateway',
    mcpName: 'io.github.example/gmail-mcp-gateway',
    repository: { type: 'git', url: `git+${REPOSITORY}.git` },
    bin: { 'gmail-mcp-gateway': 'ops/cli.js' },
    dependencies: source.dependencies
  })
  const unknown = publishedManifest(source, undefined)
  for (const name of ['repository', 'mcpName', 'private', 'scripts', 'devDependencies', 'tap'])
    t.notOk(Object.hasOwn(unknown, name), name)
  for (const wrong of [
    'https://github.com/example',
    'https://git.example.com/a/b',
    'git@github.com:a/b'
  ])
    t.throws(() => registryName('x', wrong), wrong)
})

t.test('the releases that were tested are what is installed', async (t) => {
  const manifest = publishedManifest(source, undefined)
  const text = await read('package-lock.json')
  const { packages } = JSON.parse(JSON.stringify(publishedLock(text, manifest)))
  t.same(packages[''], manifest)
  for (const [name, version] of Object.entries(source.dependencies))
    t.equal(packages[`node_modules/${name}`]?.version, version, name)
  for (const name of ['tap', 'typescript', 'googleapis', 'esbuild'])
    t.notOk(packages[`node_modules/${name}`], name)
})

t.test('the entry for the registry keeps to its schema', async (t) => {
  // Of https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json: name, title and description within
  // their lengths, a version that is no range, a hash of 64 hexadecimal digits for a bundle.
  const bundle = { name: 'gmail-mcp-gateway-0.1.0.mcpb', sha256: 'a'.repeat(64) }
  const entry = JSON.parse(JSON.stringify(registryEntry(source, REPOSITORY, bundle)))
  t.match(entry.name, /^[a-zA-Z0-9.-]+\/[a-zA-Z0-9._-]+$/)
  t.ok(entry.name.length <= 200)
  for (const words of [entry.title, entry.description])
    t.ok(words.length > 0 && words.length <= 100, words)
  t.match(entry.version, /^\d+\.\d+\.\d+$/)
  t.same(entry.repository, { url: REPOSITORY, source: 'github' })
  t.same(
    entry.packages.map((each: Record<string, unknown>) => [
      each.registryType,
      each.version,
      each.transport
    ]),
    [
      ['npm', source.version, { type: 'stdio' }],
      ['mcpb', source.version, { type: 'stdio' }]
    ]
  )
  t.match(entry.packages[1].fileSha256, /^[a-f0-9]{64}$/)
  const [argument] = entry.packages[0].packageArguments
  t.same(argument, { type: 'positional', value: 'stdio' })
  t.ok(Object.hasOwn(COMMANDS, argument.value), 'which is a command of the package')
})

t.test('the bundle for desktop clients asks for what the program reads', async (t) => {
  const { server, user_config: asked } = JSON.parse(JSON.stringify(desktopManifest(source)))
  const { env, args } = server.mcp_config
  t.match(args, [/__dirname.*\/server\/stdio\.mjs$/])
  const named = Object.values<string>(env).map(
    (value) => /^\$\{user_config\.(\w+)\}$/.exec(value)?.[1]
  )
  t.same(named.toSorted(), Object.keys(asked).toSorted())
  const settings = await read('docs/settings.md')
  for (const name of Object.keys(env)) t.match(settings, `\`${name}\``, name)
})

t.test('everything that ships may be passed on, with its licence', async (t) => {
  const packages = await thirdParties(ROOT)
  // Permissive, or MPL-2.0, which binds changes to its own files alone (https://www.mozilla.org/MPL/2.0/FAQ/, question 9).
  const allowed = [
    'MIT',
    'MIT-0',
    'ISC',
    'BSD-2-Clause',
    'BSD-3-Clause',
    'BSD',
    'Apache-2.0',
    'CC0-1.0',
    '0BSD',
    'MPL-2.0',
    'BlueOak-1.0.0'
  ]
  for (const { name, license } of packages) t.ok(allowed.includes(license), `${name}: ${license}`)
  for (const name of Object.keys(source.dependencies))
    t.ok(
      packages.some((each) => each.name === name),
      name
    )
  const fastify = packages.filter(({ name }) => name === 'fastify')
  t.match(
    await licencesOf(fastify),
    /^fastify \d+\.\d+\.\d+ \(MIT\)\n\n[\s\S]*Permission is hereby granted/
  )
})

t.test('the help names every command', async (t) => {
  for (const name of Object.keys(COMMANDS)) t.match(usage(), new RegExp(`^ {2}${name} `, 'm'))
})
