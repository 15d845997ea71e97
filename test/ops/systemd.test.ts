import { spawnSync } from 'node:child_process'
import { copyFileSync, globSync, mkdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import t from 'tap'
import { Settings } from '../../gateway/config/config.ts'

const units = globSync('ops/systemd/*.service').sort()
const read = (path: string): string => readFileSync(path, 'utf8')
const values = (unit: string, key: string): string[] =>
  [...read(unit).matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].map(([, value = '']) => value)

const analyze = spawnSync('systemd-analyze', ['--version'], { encoding: 'utf8' })
const skip = analyze.status === 0 ? false : 'needs systemd-analyze'

/** What systemd makes of a unit, from 0 (safe) to 10 (systemd-analyze(1), security). */
function exposure(unit: string): number {
  const { stdout, stderr } = spawnSync(
    'systemd-analyze',
    ['security', '--offline=true', '--no-pager', unit],
    { encoding: 'utf8' }
  )
  const [, figure] = /exposure level for \S+: ([\d.]+)/.exec(stdout) ?? []
  if (figure === undefined) throw new Error(`no figure: ${stdout}${stderr}`)
  return Number(figure)
}

t.test('every unit is exposed to 2.0 at most', { skip }, (t) => {
  t.ok(units.length >= 2)
  for (const unit of units) t.ok(exposure(unit) <= 2, `${unit}: ${exposure(unit)}`)
  t.end()
})

t.test('with the stronger wall it is what the document says', { skip }, (t) => {
  const directory = t.testdir()
  const dropIns = join(directory, 'gmail-mcp@.service.d')
  mkdirSync(dropIns)
  copyFileSync('ops/systemd/gmail-mcp@.service', join(directory, 'gmail-mcp@.service'))
  copyFileSync('ops/systemd/namespaces.conf', join(dropIns, 'namespaces.conf'))
  const figure = exposure(join(directory, 'gmail-mcp@.service'))
  t.match(read('docs/deploy.md'), `| namespaces (bubblewrap) | ${figure} |`)
  t.end()
})

t.test('the gateway’s units leave it what it reads in /proc', (t) => {
  // proc(5): `boot_id` tells gateways of one machine from those of others; the state of workers is in their directories.
  for (const unit of ['ops/systemd/gmail-mcp@.service', 'ops/systemd/namespaces.conf'])
    t.notOk(values(unit, 'ProcSubset').includes('pid'), unit)
  t.same(values('ops/systemd/gmail-mcp@.service', 'ProtectProc'), [], 'workers are other users')
  t.end()
})

t.test('systemd knows every line of them', { skip }, (t) => {
  for (const unit of [...units, ...globSync('ops/systemd/*.timer')]) {
    const { stderr } = spawnSync('systemd-analyze', ['verify', '--recursive-errors=no', unit], {
      encoding: 'utf8'
    })
    // It is not installed here, so its program is not where the unit says.
    const complaints = stderr
      .split('\n')
      .filter(
        (line) => line.includes(basename(unit).replace('@', '')) || /Unknown|ignoring/.test(line)
      )
      .filter((line) => !line.includes('is not executable'))
    t.same(complaints, [], unit)
  }
  t.end()
})

t.test('the gateway’s unit starts it as npm does, and not again after a wrong setting', (t) => {
  const unit = 'ops/systemd/gmail-mcp@.service'
  const { scripts } = JSON.parse(read('package.json'))
  const [start = ''] = values(unit, 'ExecStart')
  t.equal(start.replace('/opt/gmail-mcp/%i/node_modules/.bin/node', 'exec node'), scripts.start)
  t.same(values(unit, 'RestartPreventExitStatus'), ['78'])
  t.same(values(unit, 'Restart'), ['always'])
  t.same(values(unit, 'User'), ['gmail-mcp'])
  t.same(values(unit, 'KillMode'), ['mixed'], 'the gateway ends its workers itself')
  t.ok(Number(values(unit, 'TimeoutStopSec')[0]) >= 30, 'twice DRAIN_TIMEOUT, and 10 s')
  const names = values(unit, 'Environment').flatMap((text) =>
    text.split(' ').map((pair) => pair.split('=')[0] ?? '')
  )
  for (const name of names) t.ok(name === 'NODE_ENV' || Object.hasOwn(Settings.shape, name), name)
  t.end()
})
