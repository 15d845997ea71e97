import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { VERSION } from '../../shared/version.ts'

const OPS = fileURLToPath(new URL('../../ops/', import.meta.url))
const PROGRAMS = [
  'backup',
  'doctor',
  'migrate-store',
  'operator',
  'package',
  'release',
  'restore',
  'secrets'
]

const runOps = (t: Test, name: string, ...args: string[]) =>
  spawnSync(process.execPath, [`${OPS}${name}.ts`, ...args], {
    cwd: t.testdirName,
    encoding: 'utf8',
    env: { PATH: process.env.PATH }
  })

for (const name of PROGRAMS)
  t.test(`${name}: a wrong command line is told with the usage, and nothing is done`, async (t) => {
    t.testdir({})
    const wrong = runOps(t, name, '--no-such-option')
    // sysexits.h: EX_USAGE
    t.match({ ...wrong, stderr: wrong.stderr.split('\n').length }, { status: 64, stdout: '' })
    t.match(wrong.stderr, new RegExp(`npm run ${name} `))
    t.notMatch(wrong.stderr, /\n {4}at /, 'no stack')
    t.same(readdirSync(t.testdirName), [])
    const help = runOps(t, name, '--help')
    t.match(help, { status: 0, stderr: '' })
    t.match(help.stdout, new RegExp(`^npm run ${name} `))
  })

t.test('a file that is something else is no file of operators', async (t) => {
  const file = join(t.testdir({ 'a.json': '{"mine":1}' }), 'a.json')
  const told = runOps(t, 'operator', file, 'ann', 'read')
  t.match(told, { status: 64, stdout: '', stderr: /not a file of operators/ })
  t.equal(readFileSync(file, 'utf8'), '{"mine":1}')
})

t.test('one name for every program: what is no command is told with all that are', async (t) => {
  t.testdir({})
  const told = runOps(t, 'cli', 'demoo')
  t.match(told, { status: 64, stdout: '', stderr: /no command "demoo"[\s\S]*\n {2}demo / })
  t.match(runOps(t, 'cli', '--help'), { status: 0, stdout: /^gmail-mcp-gateway \[COMMAND\]/ })
  t.match(runOps(t, 'cli', '--version'), { status: 0, stdout: `${VERSION}\n` })
  t.match(runOps(t, 'cli', 'secrets', '--help'), { status: 0, stdout: /^npm run secrets / })
})
