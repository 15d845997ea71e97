import { globSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import t from 'tap'
import { type Import, importsOf } from './helpers/imports.ts'

// Which places of ours a place may import from. A place is a folder; a file belongs to its nearest one.
const MAY_USE: Record<string, readonly string[]> = {
  shared: [],
  worker: ['shared', 'worker/gmail', 'worker/mcp', 'worker/mime', 'worker/tools'],
  'worker/mcp': ['shared', 'worker'],
  'worker/mime': ['shared', 'worker'],
  'worker/gmail': ['shared', 'worker', 'worker/mime'],
  'worker/tools': ['shared', 'worker', 'worker/gmail', 'worker/mime'],
  'gateway/store': ['shared'],
  'gateway/supervisor': ['shared'],
  'gateway/ownership': ['shared', 'gateway/store'],
  'gateway/accounts': ['shared', 'gateway/store'],
  'gateway/sessions': ['shared', 'gateway/store', 'gateway/supervisor', 'gateway/oauth'],
  'gateway/oauth': [
    'shared',
    'gateway',
    'gateway/store',
    'gateway/accounts',
    'gateway/oauth/pages',
    'gateway/tool-sign-in'
  ],
  'gateway/oauth/pages': ['shared', 'gateway', 'gateway/accounts', 'gateway/oauth'],
  'gateway/telemetry': [
    'shared',
    'gateway/accounts',
    'gateway/sessions',
    'gateway/store',
    'gateway/supervisor',
    'gateway/http'
  ],
  'gateway/http': [
    'shared',
    'gateway',
    'gateway/oauth',
    'gateway/sessions',
    'gateway/supervisor',
    'gateway/telemetry',
    'gateway/tool-sign-in'
  ],
  'gateway/peers': [
    'shared',
    'gateway/admin',
    'gateway/http',
    'gateway/oauth',
    'gateway/ownership',
    'gateway/telemetry',
    'gateway/tool-sign-in'
  ],
  'gateway/tool-sign-in': [
    'shared',
    'gateway',
    'gateway/accounts',
    'gateway/http',
    'gateway/oauth',
    'gateway/sessions',
    'gateway/supervisor',
    'gateway/telemetry'
  ],
  'gateway/admin': [
    'shared',
    'gateway',
    'gateway/accounts',
    'gateway/http',
    'gateway/oauth',
    'gateway/sessions',
    'gateway/store',
    'gateway/supervisor',
    'gateway/telemetry'
  ],
  gateway: [
    'shared',
    'gateway/accounts',
    'gateway/admin',
    'gateway/http',
    'gateway/oauth',
    'gateway/ownership',
    'gateway/peers',
    'gateway/sessions',
    'gateway/store',
    'gateway/supervisor',
    'gateway/telemetry',
    'gateway/tool-sign-in',
    'gateway/wiring'
  ],
  'gateway/wiring': [
    'shared',
    'gateway',
    'gateway/accounts',
    'gateway/admin',
    'gateway/http',
    'gateway/oauth',
    'gateway/ownership',
    'gateway/peers',
    'gateway/sessions',
    'gateway/store',
    'gateway/supervisor',
    'gateway/telemetry',
    'gateway/tool-sign-in'
  ],
  ops: [
    'shared',
    'gateway',
    'gateway/accounts',
    'gateway/admin',
    'gateway/store',
    'gateway/telemetry',
    'ops/**'
  ],
  'ops/build': ['shared', 'worker'],
  'ops/bench': ['shared', 'gateway/**', 'worker/**', 'ops/**'],
  'ops/clients': ['gateway', 'gateway/accounts', 'ops/**'],
  'ops/stdio': ['shared', 'gateway/**', 'worker/**', 'ops/**'],
  'ops/stdio.ts': ['shared', 'gateway/**', 'worker/**', 'ops/**'],
  'ops/doctor': [
    'shared',
    'gateway',
    'gateway/accounts',
    'gateway/store',
    'gateway/supervisor',
    'ops/**'
  ],
  'ops/image': ['shared', 'gateway/supervisor', 'ops/**'],
  'ops/jobs': ['shared', 'worker/gmail', 'worker/tools', 'ops/**'],
  'ops/sandbox': ['shared', 'ops/sandbox/**']
}

// Places that use another one's types only: whoever joins them passes the thing itself in.
const TYPES_ONLY: Record<string, readonly string[]> = {
  'gateway/sessions': ['gateway/oauth'],
  'gateway/telemetry': ['gateway/http', 'gateway/sessions', 'gateway/supervisor'],
  'gateway/accounts': ['gateway/store'],
  'gateway/admin': ['gateway/oauth'],
  'gateway/http': ['gateway/tool-sign-in'],
  'gateway/oauth': ['gateway/store', 'gateway/tool-sign-in']
}

// What is heavy, dangerous or likely to be replaced, and the places where it may be at run time.
const ONLY_IN: Record<string, readonly string[]> = {
  'node:child_process': ['gateway/supervisor/process-launcher.ts', 'ops'],
  'node:cluster': [],
  'node:worker_threads': [],
  'node:vm': ['worker/bytecode.ts', 'worker/tidy.ts'],
  'node:sqlite': [
    'gateway/store/sqlite.ts',
    'gateway/store/sqlite-copy.ts',
    'gateway/store/sqlite-trial.ts'
  ],
  '@fastify/http-proxy': ['gateway/http/mcp-proxy.ts'],
  '@hono/node-server': ['worker/answer-requests.ts'],
  '@modelcontextprotocol/node': ['ops/bench/processes'],
  '@modelcontextprotocol/server': ['worker/mcp', 'worker/tools', 'ops/stdio.ts'],
  'google-auth-library': ['worker/gmail'],
  '@googleapis/gmail': ['worker/gmail/api.ts'],
  'html-to-text': ['worker/mime'],
  kysely: ['gateway/store', 'ops/lease-costs'],
  pg: ['gateway/store'],
  'pg-connection-string': ['gateway/store/database-url.ts'],
  '@opentelemetry': ['gateway/telemetry/sdk-traces.ts'],
  'openid-client': ['gateway/accounts/google.ts'],
  'oidc-provider': ['gateway/oauth'],
  pino: ['gateway/telemetry/log.ts'],
  piscina: ['worker/mime/limited-thread.ts'],
  'prom-client': ['gateway/telemetry'],
  'sanitize-html': ['worker/mime'],
  undici: [
    'gateway/http/worker-pools.ts',
    'gateway/oauth/guarded-fetch.ts',
    'gateway/peers/peer-pools.ts'
  ],
  fastify: [
    'gateway/app.ts',
    'gateway/ops-app.ts',
    'gateway/peer-app.ts',
    'gateway/http',
    'gateway/oauth',
    'ops/sandbox'
  ]
}

// Engines, and the files that choose them: for work, or for a trial before it.
const CHOSEN_BY: Record<string, readonly string[]> = {
  'gateway/supervisor/process-launcher.ts': [
    'gateway/supervisor/isolation.ts',
    'gateway/supervisor/open-launcher.ts'
  ],
  'gateway/store/sqlite.ts': ['gateway/store/store.ts'],
  'gateway/store/postgres.ts': ['gateway/store/store.ts', 'gateway/store/postgres-trial.ts'],
  'gateway/wiring.ts': ['gateway/start.ts']
}

const sources = globSync('{shared,worker,gateway,ops}/**/*.ts').sort()
const read = (file: string): string => readFileSync(file, 'utf8')
const imports: readonly (Import & { file: string })[] = sources.flatMap((file) =>
  importsOf(file).map((one) => ({ file, ...one }))
)

const within = (path: string, place: string): boolean =>
  path === place || path.startsWith(`${place}/`)
const nearest = (file: string, places: readonly string[]): string | undefined =>
  places
    .filter((place) => within(file, place))
    .toSorted((a, b) => a.length - b.length)
    .at(-1)
const allows = (rule: string, place: string): boolean =>
  rule.endsWith('/**') ? within(place, rule.slice(0, -'/**'.length)) : rule === place

const told = ({ file, name }: { file: string; name: string }): string => `${file} imports ${name}`
const filesWith = (form: RegExp): string[] => sources.filter((file) => form.test(read(file)))

/** The folder as the table knows it: a deeper one without a row of its own counts to the one above. */
const placeOf = (file: string): string =>
  within(file, 'ops') ? dirname(file) : (nearest(file, Object.keys(MAY_USE)) ?? dirname(file))

t.test('every place imports only from the places below it', async (t) => {
  const strangers = imports.flatMap(({ file, path }) => {
    if (path === undefined || path.startsWith('dist/')) return []
    const from = nearest(file, Object.keys(MAY_USE)) ?? ''
    const to = placeOf(path)
    const isAllowed = to === from || (MAY_USE[from] ?? []).some((rule) => allows(rule, to))
    return isAllowed ? [] : [`${file} imports ${path}: ${from} does not use ${to}`]
  })
  t.same(strangers, [])
  t.ok(imports.length > 300, 'the imports were found')
})

t.test('what is passed in is not imported', async (t) => {
  const shortcuts = imports.filter(
    ({ file, path, isType }) =>
      path !== undefined && !isType && (TYPES_ONLY[placeOf(file)] ?? []).includes(placeOf(path))
  )
  t.same(shortcuts.map(told), [])
})

t.test('heavy packages are imported where they belong, and nowhere else', async (t) => {
  const strays = imports.filter(({ file, name, isType }) => {
    const known = nearest(name, Object.keys(ONLY_IN))
    if (known === undefined || isType || within(file, 'ops/bench')) return false
    return !(ONLY_IN[known] ?? []).some((place) => within(file, place))
  })
  t.same(strays.map(told), [])
  const inShared = imports.filter(
    ({ file, path, isType }) => within(file, 'shared') && path === undefined && !isType
  )
  t.same([...new Set(inShared.map(({ name }) => name))].sort(), [
    'node:crypto',
    'node:stream',
    'node:url',
    'zod'
  ])
})

t.test(
  'googleapis, with every API of Google, is a second opinion of tests and sandbox alone',
  async (t) => {
    const ofGoogle = imports.filter(({ name }) => within(name, 'googleapis'))
    t.ok(ofGoogle.length > 0)
    t.same(
      ofGoogle.filter(
        ({ name, file, isType }) =>
          !name.startsWith('googleapis/build/src/apis/gmail/') ||
          !(within(file, 'test') || (within(file, 'ops/sandbox') && isType))
      ),
      []
    )
  }
)

t.test('engines are named only by who chooses them', async (t) => {
  const choosers = imports.filter(({ file, path = '', isType }) => {
    const known = CHOSEN_BY[path]
    return known !== undefined && !isType && !known.includes(file) && !within(file, 'ops/bench')
  })
  t.same(choosers.map(told), [])
})

t.test('no two files import each other in a circle at run time', async (t) => {
  const circles: string[] = []
  const done = new Set<string>()
  const visit = (file: string, trail: readonly string[]): void => {
    if (trail.includes(file)) circles.push([...trail, file].join(' → '))
    if (trail.includes(file) || done.has(file)) return
    for (const { path, isType, file: user } of imports) {
      if (user === file && path !== undefined && !isType) visit(path, [...trail, file])
    }
    done.add(file)
  }
  for (const file of sources) visit(file, [])
  t.same(circles, [])
})

t.test('a file exports by name what it makes itself', async (t) => {
  t.same(filesWith(/^export default/m), [])
  t.same(filesWith(/^export (type )?(\*|\{[^}]*\}) from/m), [], 'no barrel files')
})

t.test('one file reads the environment, and only programs end their process', async (t) => {
  const programs = ['gateway/main.ts', 'worker/host.ts', 'gateway/supervisor/isolation-probe.ts']
  const inside = (file: string): boolean => !within(file, 'ops')
  t.same(filesWith(/process\.env/).filter(inside), [
    'gateway/config.ts',
    'gateway/supervisor/isolation-probe.ts'
  ])
  t.same(
    filesWith(/process\.exit\(/).filter((file) => inside(file) && !programs.includes(file)),
    []
  )
})

t.test('every package is pinned to one version, and the lockfile names no registry', async (t) => {
  const { dependencies, devDependencies } = JSON.parse(read('package.json'))
  const versions: Record<string, string> = { ...dependencies, ...devDependencies }
  t.same(
    Object.entries(versions).filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version)),
    []
  )
  const lock = JSON.parse(read('package-lock.json'))
  t.same(
    { ...lock.packages[''].dependencies, ...lock.packages[''].devDependencies },
    versions,
    'the lockfile is of this package.json'
  )
  for (const [name, entry] of Object.entries<Record<string, unknown>>(lock.packages)) {
    if ('resolved' in entry) t.fail(`${name} names the place it came from`)
  }
})

t.test('only packages that are named may run a program when they are installed', async (t) => {
  const { allowScripts } = JSON.parse(read('package.json'))
  const { packages } = JSON.parse(read('package-lock.json'))
  const runs = Object.entries<{ hasInstallScript?: boolean; optional?: boolean }>(packages)
    .filter(([, { hasInstallScript, optional }]) => hasInstallScript && !optional)
    .map(([path]) => path.replace(/^.*node_modules\//, ''))
  t.same([...new Set(runs)].sort(), Object.keys(allowScripts).sort())
})

t.test('the lockfile knows every build of a package that has one for each platform', async (t) => {
  const { packages } = JSON.parse(read('package-lock.json'))
  const missing = Object.values<{ optionalDependencies?: object }>(packages)
    .flatMap(({ optionalDependencies = {} }) => Object.keys(optionalDependencies))
    .filter((name) => !(`node_modules/${name}` in packages))
  t.same(missing, [], 'or npm ci refuses it')
})
