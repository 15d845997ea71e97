import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { ACCESS_LEVELS } from '#shared/access-levels.ts'
import { readConfig, Settings } from '../gateway/config.ts'

const readme = readFileSync('README.md', 'utf8')
const { scripts } = JSON.parse(readFileSync('package.json', 'utf8'))

const section = (title: string): string => {
  const [, text] = readme.split(new RegExp(`^##+ ${title}$`, 'm'))
  if (text === undefined) throw new Error(`README has no section ${title}.`)
  return text.split(/^## /m)[0] ?? ''
}
/** The rows of the first table of a section: name and default, as written. */
const rows = (text: string): { name: string; standard: string }[] =>
  [...text.matchAll(/^\| `([A-Z_]+)` \|([^|]*)\|/gm)].map(([, name = '', standard = '']) => ({
    name,
    standard: standard.trim()
  }))
const blocks = [...readme.matchAll(/^```(\w*)\n(.*?)^```/gms)].map(([, kind, text = '']) => ({
  kind,
  text
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
    rows(section('Settings')).map(({ name }) => name),
    Object.keys(Settings.shape)
  )
})

t.test('the table of settings tells the defaults that are in force', async (t) => {
  const usual = readConfig(REQUIRED)
  for (const { name, standard } of rows(section('Settings'))) {
    t.equal(standard === 'required', name in REQUIRED, `${name} is required, or has a default`)
    const [, value] = /^`(.*)`$/.exec(standard) ?? []
    if (value === undefined || name === 'WORKER_ENTRY') continue
    t.same(readConfig({ ...REQUIRED, [name]: value }), usual, `${name} is ${value}`)
  }
})

t.test('the settings that stand in files, and those of the demo, are named', async (t) => {
  const code = readFileSync('gateway/config.ts', 'utf8')
  for (const name of ['ADMIN_TOKEN_FILE', 'GOOGLE_CLIENT_SECRET_FILE', 'GMAIL_OAUTH_PATH']) {
    t.match(section('Settings'), name)
    t.match(code, name.replace(/_FILE$/, ''))
  }
  const demo = ['ops/demo.ts', 'ops/demo/settings.ts'].map((file) => readFileSync(file, 'utf8'))
  const used = new Set(demo.join().match(/DEMO_[A-Z_]+/g))
  t.same(
    rows(section('Settings of the demo'))
      .map(({ name }) => name)
      .sort(),
    [...used].sort()
  )
})

t.test('every command of the README is there', async (t) => {
  const named = readme.matchAll(/npm (?:run (?:--silent )?([\w:-]+)|(start|test))/g)
  for (const [command, script, short = ''] of named) t.ok(scripts[script ?? short], command)
  const ci = readFileSync('.ci/run', 'utf8')
  for (const command of ['npm ci', 'npm run check', 'npm run image:rehearsal']) {
    t.match(ci, new RegExp(`^${command}( |$)`, 'm'), `.ci/run does ${command}`)
  }
})

t.test('every JSON snippet is JSON', async (t) => {
  for (const { text } of blocks.filter(({ kind }) => kind === 'json')) {
    t.doesNotThrow(() => JSON.parse(text))
  }
  for (const [, body = ''] of readme.matchAll(/-d '(\{.*\})'/g)) {
    t.doesNotThrow(() => JSON.parse(body))
  }
})

t.test('the map of files leads to files, and links lead somewhere', async (t) => {
  const [map] = blocks.filter(({ text }) => text.startsWith('gateway/ '))
  let folder = ''
  for (const line of map?.text.trimEnd().split('\n') ?? []) {
    const [path = ''] = line.trim().split(/\s/, 1)
    if (!line.startsWith(' ')) folder = path
    t.ok(existsSync(line.startsWith(' ') ? join(folder, path) : path), path)
  }
  for (const [, target = ''] of readme.matchAll(/\]\((?!https:)([^)#]+)\)/g)) {
    t.ok(existsSync(target), target)
  }
})

t.test('access levels are told from least to most', async (t) => {
  const named = [...readme.matchAll(/^\| `(gmail\.\w+)` \|/gm)].map(([, level]) => level)
  t.same(named, ACCESS_LEVELS)
})
