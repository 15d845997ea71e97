import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { ACCESS_LEVELS } from '#shared/access-levels.ts'
import { readConfig, Settings } from '../gateway/config/config.ts'
import { TOOLS } from '../worker/tools/catalog.ts'

const DOCUMENTS = [
  ...globSync('*.md'),
  ...globSync('docs/*.md'),
  'ops/sandbox/README.md',
  'test/threats.md'
]
const read = (file: string): string => readFileSync(file, 'utf8')
const readme = read('README.md')
const settings = read('docs/settings.md')
const { scripts } = JSON.parse(read('package.json'))

/** The rows of a table whose first cell is a name in capitals: name and default, as written. */
const rows = (text: string): { name: string; standard: string }[] =>
  [...text.matchAll(/^\| `([A-Z_]+)` \|([^|]*)\|/gm)].map(([, name = '', standard = '']) => ({
    name,
    standard: standard.trim()
  }))
const blocksOf = (text: string): { kind: string; text: string }[] =>
  [...text.matchAll(/^```(\w*)\n(.*?)^```/gms)].map(([, kind = '', inner = '']) => ({
    kind,
    text: inner
  }))

/** The least that a gateway needs to be told. */
const REQUIRED = {
  PUBLIC_URL: 'https://mail.example.com',
  ADMIN_TOKEN: '0123456789abcdef01234567',
  GOOGLE_CLIENT_ID: 'id',
  GOOGLE_CLIENT_SECRET: 'secret',
  SECRETS_FILE: 'secrets.json'
}

t.test('the table of settings has every setting, in the order of the code', async (t) => {
  t.same(
    rows(settings).map(({ name }) => name),
    Object.keys(Settings.shape)
  )
})

t.test('the table of settings tells the defaults that are in force', async (t) => {
  const usual = readConfig(REQUIRED)
  for (const { name, standard } of rows(settings)) {
    t.equal(standard === 'required', name in REQUIRED, `${name} is required, or has a default`)
    const [, value] = /^`(.*)`$/.exec(standard) ?? []
    if (value === undefined || name === 'WORKER_ENTRY') continue
    t.same(readConfig({ ...REQUIRED, [name]: value }), usual, `${name} is ${value}`)
  }
})

t.test('the settings that stand in files, and those of the demo, are named', async (t) => {
  const code = read('gateway/config/config.ts')
  for (const name of ['ADMIN_TOKEN_FILE', 'GOOGLE_CLIENT_SECRET_FILE', 'GMAIL_OAUTH_PATH']) {
    t.match(settings, name)
    t.match(code, name.replace(/_FILE$/, ''))
  }
  const used = new Set(
    ['ops/demo.ts', 'ops/demo/settings.ts']
      .map(read)
      .join()
      .match(/DEMO_[A-Z_]+/g)
  )
  t.same(
    rows(read('docs/demo.md'))
      .map(({ name }) => name)
      .sort(),
    [...used].sort()
  )
})

t.test('every command that a document names is there', async (t) => {
  for (const file of DOCUMENTS.filter((name) => name !== 'CHANGELOG.md')) {
    const named = read(file).matchAll(/npm (?:run (?:--silent )?([\w:-]+)|(start|test))\b/g)
    for (const [command, script, short = ''] of named)
      t.ok(scripts[script ?? short], `${file}: ${command}`)
  }
  const ci = read('.ci/run')
  for (const command of ['npm ci', 'npm run check', 'npm run image:check']) {
    t.match(ci, new RegExp(`^${command}( |$)`, 'm'), `.ci/run does ${command}`)
  }
})

t.test('every JSON snippet is JSON', async (t) => {
  for (const file of DOCUMENTS) {
    for (const { text } of blocksOf(read(file)).filter(({ kind }) => kind === 'json')) {
      t.doesNotThrow(() => JSON.parse(text), file)
    }
    for (const [, body = ''] of read(file).matchAll(/-d '(\{.*\})'/g)) {
      t.doesNotThrow(() => JSON.parse(body), file)
    }
  }
  for (const [, snippet = ''] of readme.matchAll(/^\| [^|]+ \| `(\{.*?\})`/gm))
    t.doesNotThrow(() => JSON.parse(snippet), snippet)
})

/** As GitHub makes them: letters and digits, spaces as hyphens. */
const anchorsOf = (file: string): string[] =>
  read(file)
    .replace(/^```.*?^```/gms, '')
    .split('\n')
    .flatMap((line) => /^#+ (.*)$/.exec(line)?.[1] ?? [])
    .map((title) =>
      title
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-')
    )

t.test('links lead somewhere', async (t) => {
  for (const file of DOCUMENTS) {
    for (const [, target = ''] of read(file).matchAll(/\]\((?!https?:|mailto:)([^)\s]+)\)/g)) {
      const [path = '', anchor] = target.split('#')
      const to = path === '' ? file : join(dirname(file), path)
      t.ok(existsSync(to), `${file}: ${target}`)
      if (anchor !== undefined && existsSync(to))
        t.ok(anchorsOf(to).includes(anchor), `${file}: ${target}`)
    }
  }
})

t.test('paths that the map, the answers and the list of documents name are there', async (t) => {
  const architecture = read('docs/architecture.md')
  const [map] = blocksOf(architecture).filter(({ text }) => text.startsWith('gateway/ '))
  t.ok(map)
  let folder = ''
  for (const line of map?.text.trimEnd().split('\n') ?? []) {
    const [path = ''] = line.trim().split(/\s/, 1)
    if (!line.startsWith(' ')) folder = path
    t.ok(existsSync(line.startsWith(' ') ? join(folder, path) : path), path)
  }
  for (const text of [architecture, read('CONTRIBUTING.md')]) {
    for (const [, path = ''] of text.matchAll(
      /`((?:gateway|worker|shared|ops|test|docs)\/[\w./-]+)`/g
    ))
      t.ok(existsSync(path), path)
  }
  for (const [, name = ''] of architecture.matchAll(/`([a-z]+(?:-[a-z]+)*\.ts)`/g))
    t.equal(globSync(`{gateway,worker}/**/${name}`).length, 1, name)
  const listed = read('docs/README.md')
  for (const file of globSync('docs/*.md').filter((name) => name !== 'docs/README.md'))
    t.ok(listed.includes(`(${file.slice('docs/'.length)})`), `docs/README.md leads to ${file}`)
})

t.test('the README is short', async (t) => {
  t.ok(readme.split('\n').length <= 200)
})

t.test('levels and their tools are told from least to most, all of them', async (t) => {
  const told = [...readme.matchAll(/^\| `(gmail\.\w+)` \|[^|]*\|([^|]*)\|/gm)]
  t.same(
    told.map(([, level]) => level),
    ACCESS_LEVELS
  )
  for (const [, level = '', tools = ''] of told)
    t.same(
      [...tools.matchAll(/`(\w+)`/g)].map(([, name]) => name),
      TOOLS.filter((tool) => tool.level === level).map(({ name }) => name),
      level
    )
})

t.test('every error code has its line in the troubleshooting, and no other', async (t) => {
  const [, catalogue = ''] = /^const STATUS = \{(.*?)^\}/ms.exec(read('shared/errors.ts')) ?? []
  const codes = [...catalogue.matchAll(/^ {2}(ERR_\w+):/gm)].map(([, code]) => code)
  t.ok(codes.length > 20)
  t.same(
    rows(read('docs/troubleshooting.md')).map(({ name }) => name),
    codes
  )
})
