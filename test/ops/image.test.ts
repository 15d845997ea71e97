import { existsSync, globSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import t from 'tap'
import { Settings } from '../../gateway/config/config.ts'
import { nodeWarning } from '../../gateway/config/supported-node.ts'
import { type CopyStep, readDockerfile, type Stage } from '../../ops/image/dockerfile.ts'
import { importsOf } from '../helpers/imports.ts'

const read = (path: string): string =>
  readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
const { devDependencies, scripts } = JSON.parse(read('package.json'))
const stages = readDockerfile(read('Dockerfile'))
const compose = read('compose.yaml')

const stage = (name: string): Stage => {
  const found = stages.find((one) => one.name === name)
  if (!found) throw new Error(`There is no stage ${name}.`)
  return found
}
const copies = (from: Stage): CopyStep[] => from.steps.filter((step) => step.kind === 'copy')
const commands = (from: Stage, isOfTheSystem: boolean): string[] =>
  from.steps.flatMap((step) =>
    step.kind === 'run' && step.isOfTheSystem === isOfTheSystem ? [step.command] : []
  )
const fromRepository = (from: Stage): string[] =>
  copies(from).flatMap((step) => (step.from === undefined ? step.sources : []))

t.test(
  'every stage is one exact Node, of the line of the tests, with known holes closed',
  async (t) => {
    const [image = '', ...others] = new Set(stages.map((one) => one.image))
    t.same(others, [])
    const version = /^node:(\d+\.\d+\.\d+)-bookworm-slim$/.exec(image)?.[1] ?? ''
    t.equal(version.split('.')[0], devDependencies.node.split('.')[0])
    t.equal(nodeWarning(version), undefined)
  }
)

t.test('the rehearsal carries out every step but those that change the system', async (t) => {
  t.same(commands(stage('build'), false), ['npm ci', 'npm run build'])
  t.same(commands(stage('dependencies'), false), ['npm ci --omit=dev'])
  t.same(
    stages.flatMap((one) => commands(one, true).map((command) => command.split(' ', 2).join(' '))),
    ['apt-get update', 'chmod 0711', 'install -d']
  )
  t.equal(scripts['image:check'], 'node ops/image-check.ts')
})

t.test('the image starts the gateway as npm does', async (t) => {
  t.equal(`exec ${stage('gateway').command?.join(' ')}`, scripts.start)
})

t.test('what an image is made of is there and reaches the builder', async (t) => {
  const [nothing, ...admitted] = read('.dockerignore')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
  t.equal(nothing, '*')
  const sources = [...new Set(stages.flatMap(fromRepository))].sort()
  t.same(
    sources,
    admitted.map((line) => line.slice(1)),
    'the builder is sent exactly what is copied'
  )
  for (const source of sources) t.ok(existsSync(source), source)
})

/** Files that the programs need but the stage does not copy. */
const missing = (from: Stage, programs: readonly string[]): string[] => {
  const copied = fromRepository(from)
  const seen = new Set(programs)
  for (const file of seen) {
    for (const { path } of importsOf(file)) {
      if (path?.endsWith('.ts')) seen.add(path)
    }
  }
  return [...seen].filter((file) => !copied.some((source) => within(file, source)))
}
const within = (file: string, place: string): boolean =>
  file === place || file.startsWith(`${place}/`)

t.test('every program finds in its stage the files that it imports', async (t) => {
  t.same(
    missing(stage('build'), ['ops/build.ts', 'worker/main.ts', ...globSync('ops/build/*.ts')]),
    []
  )
  const programs = [
    'gateway/main.ts',
    'ops/secrets.ts',
    'ops/backup.ts',
    'ops/restore.ts',
    'ops/admin.ts',
    'ops/doctor.ts'
  ]
  t.same(missing(stage('gateway'), programs), [])
  const bundled = copies(stage('gateway')).filter(({ from }) => from !== undefined)
  t.same(
    bundled.map(({ from, sources }) => [from, ...sources]),
    [
      ['dependencies', '/app/node_modules'],
      ['build', '/app/dist']
    ]
  )
})

t.test('no code outside the worker uses the package that is left out', async (t) => {
  for (const file of globSync('{gateway,shared}/**/*.ts')) {
    t.notMatch(
      importsOf(file).map(({ name }) => name),
      [/^googleapis/],
      posix.normalize(file)
    )
  }
})

t.test('the container runs as an ordinary user below a process that reaps', async (t) => {
  const { user, entrypoint, command, healthcheck } = stage('gateway')
  t.equal(user, 'node')
  t.same(entrypoint, ['tini', '--'])
  t.equal(['exec', ...command].join(' '), scripts.start, 'the same command as npm start')
  t.equal(healthcheck[0], 'node', 'nothing is installed for the health check')
})

t.test('compose takes away what the gateway does not need', async (t) => {
  for (const line of [
    'read_only: true',
    'cap_drop: [ALL]',
    '- no-new-privileges:true',
    '- seccomp=./ops/image/seccomp.json',
    '- apparmor=unconfined',
    '- systempaths=unconfined',
    '- 127.0.0.1:9464:9464',
    'core: 0'
  ]) {
    t.match(compose, line)
  }
  t.match(compose, /mem_limit: \d+g/)
  t.notMatch(compose, /^\s+(ADMIN_TOKEN|GOOGLE_CLIENT_SECRET):/m, 'secrets come as files')
  for (const path of Object.values(stage('gateway').env).map((value) =>
    value.replace('sqlite:', '')
  ))
    if (path.startsWith('/run/')) t.match(compose, `- ${path}:`, `${path} can be written`)
  t.match(compose, '- data:/data')
  t.match(compose, /healthcheck:\n +test: .*\/ready'/)
  t.match(compose, /logging:\n +driver: json-file\n +options: \{ max-size/)
})

t.test('compose and Dockerfile set only what the gateway knows', async (t) => {
  const known = new Set(Object.keys(Settings.shape))
  const files = ['ADMIN_TOKEN_FILE', 'GOOGLE_CLIENT_SECRET_FILE', 'GMAIL_OAUTH_PATH']
  const [, environment = ''] = compose.split(/^ {4}environment:$/m)
  const inCompose = [...environment.matchAll(/^ {6}([A-Z_]+): /gm)].map(([, name = '']) => name)
  t.ok(inCompose.length > 5)
  const set = [...inCompose, ...Object.keys(stage('gateway').env)]
  t.same(
    set.filter((name) => !known.has(name) && !files.includes(name)),
    ['NODE_ENV']
  )
})

t.test('a Dockerfile that the rehearsal would misunderstand is refused', async (t) => {
  const from = 'FROM node:24 AS x\n'
  for (const [text, message] of [
    ['FROM node:24', /name the stage/],
    ['RUN npm ci', /unexpected RUN/],
    [`${from}ADD a b`, /unexpected ADD/],
    [`${from}COPY --chown=node a b`, /not understood/],
    [`${from}CMD "node"`, /exec form/]
  ] as const) {
    t.throws(() => readDockerfile(text), { message })
  }
})
