import { globSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import t from 'tap'
import { type Import, importsOf } from './helpers/imports.ts'

// Which rooms of ours a room may import from. A room is a folder; those of the product stand from the top of the house down,
// and each uses only rooms below it.
const MAY_USE: Record<string, readonly string[]> = {
  ops: [
    'gateway',
    'gateway/admin',
    'gateway/telemetry',
    'gateway/accounts',
    'gateway/config',
    'gateway/store',
    'shared',
    'ops/**'
  ],
  'ops/build': ['worker/process', 'shared'],
  'ops/bench': [
    'gateway',
    'gateway/telemetry',
    'gateway/accounts',
    'gateway/config',
    'gateway/launcher',
    'gateway/store',
    'worker',
    'worker/server',
    'worker/gmail',
    'shared',
    'ops/**'
  ],
  'ops/clients': ['gateway/accounts', 'gateway/config', 'ops/**'],
  'ops/stdio': [
    'gateway/sign-in',
    'gateway/accounts',
    'gateway/config',
    'gateway/store',
    'worker/tool-kit',
    'worker/gmail',
    'shared'
  ],
  'ops/stdio.ts': [
    'gateway/config',
    'worker/server',
    'worker/gmail',
    'worker/mime',
    'shared',
    'ops/**'
  ],
  'ops/doctor': [
    'gateway/wiring',
    'gateway/server',
    'gateway/accounts',
    'gateway/config',
    'gateway/launcher',
    'gateway/store',
    'shared',
    'ops/**'
  ],
  'ops/image': ['gateway/launcher'],
  'ops/jobs': ['worker/server', 'worker/gmail', 'shared', 'ops/**'],
  'ops/sandbox': ['shared', 'ops/**'],
  gateway: [
    'gateway/wiring',
    'gateway/server',
    'gateway/telemetry',
    'gateway/config',
    'gateway/launcher',
    'shared'
  ],
  'gateway/wiring': [
    'gateway/apps',
    'gateway/peers',
    'gateway/admin',
    'gateway/server',
    'gateway/tool-sign-in',
    'gateway/oauth',
    'gateway/mcp',
    'gateway/sign-in',
    'gateway/sessions',
    'gateway/web',
    'gateway/health',
    'gateway/telemetry',
    'gateway/accounts',
    'gateway/ownership',
    'gateway/supervisor',
    'gateway/config',
    'gateway/launcher',
    'gateway/store',
    'shared'
  ],
  'gateway/apps': [
    'gateway/account-page',
    'gateway/peers',
    'gateway/admin',
    'gateway/older-transports',
    'gateway/tool-sign-in',
    'gateway/oauth',
    'gateway/mcp',
    'gateway/relay',
    'gateway/sign-in',
    'gateway/http',
    'gateway/sessions',
    'gateway/web',
    'gateway/telemetry',
    'gateway/accounts',
    'gateway/config',
    'gateway/launcher',
    'gateway/store',
    'shared'
  ],
  'gateway/account-page': [
    'gateway/oauth',
    'gateway/sign-in',
    'gateway/sessions',
    'gateway/web',
    'gateway/accounts',
    'shared'
  ],
  'gateway/peers': [
    'gateway/admin',
    'gateway/tool-sign-in',
    'gateway/mcp',
    'gateway/relay',
    'gateway/http',
    'gateway/telemetry',
    'gateway/accounts',
    'gateway/ownership',
    'gateway/config',
    'shared'
  ],
  'gateway/admin': [
    'gateway/oauth',
    'gateway/mcp',
    'gateway/relay',
    'gateway/http',
    'gateway/sessions',
    'gateway/telemetry',
    'gateway/accounts',
    'gateway/supervisor',
    'gateway/config',
    'gateway/launcher',
    'gateway/store',
    'shared'
  ],
  'gateway/older-transports': [
    'gateway/mcp',
    'gateway/relay',
    'gateway/http',
    'gateway/accounts',
    'gateway/config',
    'shared'
  ],
  'gateway/server': ['gateway/mcp', 'gateway/ownership', 'shared'],
  'gateway/tool-sign-in': [
    'gateway/oauth',
    'gateway/mcp',
    'gateway/relay',
    'gateway/sign-in',
    'gateway/http',
    'gateway/sessions',
    'gateway/web',
    'gateway/telemetry',
    'gateway/accounts',
    'gateway/supervisor',
    'gateway/config',
    'shared'
  ],
  'gateway/oauth': [
    'gateway/sign-in',
    'gateway/web',
    'gateway/accounts',
    'gateway/config',
    'gateway/store',
    'shared'
  ],
  'gateway/mcp': [
    'gateway/relay',
    'gateway/sign-in',
    'gateway/http',
    'gateway/sessions',
    'gateway/telemetry',
    'gateway/accounts',
    'gateway/ownership',
    'gateway/supervisor',
    'gateway/config',
    'gateway/launcher',
    'gateway/store',
    'shared'
  ],
  'gateway/relay': ['gateway/sessions', 'gateway/accounts', 'gateway/supervisor', 'shared'],
  'gateway/sign-in': ['gateway/web', 'gateway/accounts', 'gateway/store', 'shared'],
  'gateway/http': ['gateway/telemetry', 'gateway/accounts', 'shared'],
  'gateway/sessions': ['gateway/supervisor', 'gateway/store', 'shared'],
  'gateway/web': ['gateway/accounts', 'shared'],
  'gateway/health': ['shared'],
  'gateway/telemetry': ['gateway/accounts', 'gateway/config', 'gateway/store', 'shared'],
  'gateway/accounts': ['gateway/store', 'shared'],
  'gateway/ownership': ['gateway/store', 'shared'],
  'gateway/supervisor': ['gateway/launcher', 'shared'],
  'gateway/config': ['shared'],
  'gateway/launcher': ['shared'],
  'gateway/store': ['shared'],
  worker: [
    'worker/server',
    'worker/http',
    'worker/channel',
    'worker/tool-kit',
    'worker/gmail',
    'worker/mcp',
    'worker/mime',
    'worker/process',
    'shared'
  ],
  'worker/server': [
    'worker/tools',
    'worker/sign-in-tools',
    'worker/messages',
    'worker/tool-kit',
    'worker/gmail',
    'worker/mime/documents',
    'worker/mime',
    'worker/process',
    'shared'
  ],
  'worker/http': ['worker/messages', 'worker/mcp', 'worker/process', 'shared'],
  'worker/tools': [
    'worker/messages',
    'worker/tool-kit',
    'worker/gmail',
    'worker/mime',
    'worker/process',
    'shared'
  ],
  'worker/sign-in-tools': ['worker/tool-kit', 'shared'],
  'worker/channel': ['worker/tool-kit', 'worker/gmail', 'shared'],
  'worker/messages': ['worker/tool-kit', 'worker/gmail', 'worker/mime', 'worker/process', 'shared'],
  'worker/tool-kit': [
    'worker/gmail',
    'worker/mime/documents',
    'worker/mime',
    'worker/process',
    'shared'
  ],
  'worker/gmail': ['worker/mime', 'worker/process', 'shared'],
  'worker/mcp': ['worker/process', 'shared'],
  'worker/mime/documents': ['worker/mime', 'shared'],
  'worker/mime': ['shared'],
  'worker/process': ['shared'],
  shared: []
}

// Folders that are parts of the room above.
const PART_OF: Record<string, string> = {
  'gateway/admin/verbs': 'gateway/admin',
  'gateway/admin/page': 'gateway/admin',
  'shared/multiplexer': 'shared'
}

// Rooms that use another one's types only: whoever joins them passes the thing itself in.
const TYPES_ONLY: Record<string, readonly string[]> = {
  'gateway/admin': [
    'gateway/oauth',
    'gateway/sessions',
    'gateway/accounts',
    'gateway/supervisor',
    'gateway/store'
  ],
  'gateway/older-transports': ['gateway/mcp'],
  'gateway/tool-sign-in': ['gateway/oauth', 'gateway/supervisor'],
  'gateway/relay': ['gateway/sessions', 'gateway/supervisor'],
  'gateway/sign-in': ['gateway/accounts', 'gateway/web'],
  'gateway/sessions': ['gateway/supervisor'],
  'worker/channel': ['worker/gmail'],
  'worker/tool-kit': ['worker/gmail', 'worker/mime']
}

// What is heavy, dangerous or likely to be replaced, and the places where it may be at run time.
const ONLY_IN: Record<string, readonly string[]> = {
  'node:child_process': ['gateway/launcher/process-launcher.ts', 'ops'],
  'node:cluster': [],
  'node:worker_threads': [],
  'node:vm': ['worker/process/compile-program.ts', 'worker/process/idle-gc.ts'],
  'node:sqlite': [
    'gateway/store/sqlite.ts',
    'gateway/store/sqlite-copy.ts',
    'gateway/store/sqlite-probe.ts'
  ],
  '@fastify/http-proxy': ['gateway/mcp/mcp-proxy.ts'],
  '@hono/node-server': ['worker/http/request-listener.ts'],
  '@modelcontextprotocol/node': ['ops/bench/processes'],
  '@modelcontextprotocol/server': [
    'worker/mcp',
    'worker/server',
    'worker/tool-kit/confirm.ts',
    'ops/stdio.ts'
  ],
  'google-auth-library': ['worker/gmail'],
  '@googleapis/gmail': ['worker/gmail/api.ts'],
  'html-to-text': ['worker/mime'],
  kysely: ['gateway/store', 'ops/lease-costs'],
  pg: ['gateway/store'],
  'pg-connection-string': ['gateway/store/database-url.ts'],
  '@opentelemetry': ['gateway/telemetry/sdk-traces.ts'],
  'openid-client': ['gateway/accounts/google-oidc.ts'],
  'oidc-provider': ['gateway/oauth', 'gateway/web/page-errors.ts'],
  pino: ['gateway/telemetry/log.ts'],
  piscina: ['worker/mime/limited-thread.ts'],
  'prom-client': ['gateway/telemetry'],
  'sanitize-html': ['worker/mime'],
  undici: [
    'gateway/mcp/worker-connections.ts',
    'gateway/oauth/ssrf-safe-fetch.ts',
    'gateway/peers/peer-connections.ts'
  ],
  fastify: [
    'gateway/apps/public-app.ts',
    'gateway/apps/ops-app.ts',
    'gateway/apps/peer-app.ts',
    'gateway/http',
    'gateway/oauth',
    'ops/sandbox'
  ]
}

// Engines, and the files that choose them: for work, or for a trial before it.
const CHOSEN_BY: Record<string, readonly string[]> = {
  'gateway/launcher/process-launcher.ts': [
    'gateway/launcher/isolation.ts',
    'gateway/launcher/open-launcher.ts'
  ],
  'gateway/store/sqlite.ts': ['gateway/store/store.ts'],
  'gateway/store/postgres.ts': ['gateway/store/store.ts', 'gateway/store/postgres-probe.ts'],
  'gateway/wiring/wiring.ts': ['gateway/start.ts']
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

/** The room of a file; those of `ops` count by their folder where they are imported. */
const roomOf = (file: string): string =>
  within(file, 'ops')
    ? (nearest(file, Object.keys(MAY_USE)) ?? '')
    : (PART_OF[dirname(file)] ?? dirname(file))
const placeOf = (file: string): string => (within(file, 'ops') ? dirname(file) : roomOf(file))

/** What goes from one room to another. */
const crossings = imports.flatMap(({ file, path }) => {
  if (path === undefined || path.startsWith('dist/')) return []
  const [from, to] = [roomOf(file), placeOf(path)]
  return from === to ? [] : [{ file, path, from, to }]
})

t.test('every room imports only from those that it may use', async (t) => {
  const rooms = new Set(sources.map(roomOf))
  t.same(
    [...rooms].filter((room) => !(room in MAY_USE)),
    [],
    'a folder has a row, or is part of a room'
  )
  t.same(
    Object.keys(MAY_USE).filter((room) => !rooms.has(room)),
    [],
    'a row has its room'
  )
  const unforeseen = crossings.filter(
    ({ from, to }) => !(MAY_USE[from] ?? []).some((rule) => allows(rule, to))
  )
  t.same(
    unforeseen.map(
      ({ file, path, from, to }) => `${file} imports ${path}: ${from} does not use ${to}`
    ),
    []
  )
  const idle = Object.entries(MAY_USE).flatMap(([room, rules]) =>
    rules
      .filter((rule) => !crossings.some(({ from, to }) => from === room && allows(rule, to)))
      .map((rule) => `${room} uses nothing of ${rule}`)
  )
  t.same(idle, [])
  t.ok(imports.length > 300, 'the imports were found')
})

t.test('rooms form no circle: each uses only those below it, types included', async (t) => {
  const order = Object.keys(MAY_USE).filter((room) => !within(room, 'ops'))
  const upwards = order.flatMap((room, at) =>
    (MAY_USE[room] ?? [])
      .filter((other) => order.indexOf(other) <= at)
      .map((other) => `${room} uses ${other}, which is not below it`)
  )
  t.same(upwards, [])
  t.ok(order.length > 30, 'the rooms were found')
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
  const programs = ['gateway/main.ts', 'worker/runtime.ts', 'gateway/launcher/isolation-probe.ts']
  const inside = (file: string): boolean => !within(file, 'ops')
  t.same(filesWith(/process\.env/).filter(inside), [
    'gateway/config/config.ts',
    'gateway/launcher/isolation-probe.ts'
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
