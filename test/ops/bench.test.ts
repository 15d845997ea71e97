import { spawnSync } from 'node:child_process'
import t from 'tap'
import { busyTimes } from '../../ops/bench/cpu-profile.ts'
import { markdown } from '../../ops/bench/markdown.ts'
import { median, percentile } from '../../ops/bench/percentile.ts'
import { privateMemory, privateMemoryBelow } from '../../ops/bench/private-memory.ts'
import { processorTime, withAllBelow } from '../../ops/bench/processor-time.ts'
import { isMet, type Row, ratioOf } from '../../ops/bench/result-row.ts'

const needsLinux = { skip: process.platform === 'linux' ? false : 'needs Linux' }

const row: Row = {
  what: 'a call',
  unit: 'ms',
  ours: 3,
  against: { name: 'the other one', figure: 2 }
}

t.test('a percentile is a value that was measured', async (t) => {
  const values = Array.from({ length: 100 }, (_, n) => 100 - n)
  t.equal(percentile(values, 0.99), 99)
  t.equal(percentile(values, 0.5), 50)
  t.equal(percentile(values, 0), 1)
  t.equal(percentile([7], 0.99), 7)
  t.equal(median([3, 1, 2]), 2)
  t.same(values[0], 100, 'what was given stays as it was')
  t.throws(() => percentile([], 0.5), /Nothing was measured/)
})

t.test('a row keeps its budget or does not, and says nothing without one', async (t) => {
  t.equal(ratioOf(row), 1.5)
  t.equal(isMet(row), undefined)
  t.equal(isMet({ ...row, budget: { kind: 'ratio at most', limit: 1.5 } }), true)
  t.equal(isMet({ ...row, budget: { kind: 'ratio at most', limit: 1.4 } }), false)
  t.equal(isMet({ ...row, budget: { kind: 'ratio at least', limit: 1.6 } }), false)
  t.equal(isMet({ ...row, budget: { kind: 'at most', limit: 3 } }), true)
  const { against: _, ...alone } = row
  t.equal(ratioOf(alone), undefined)
  t.equal(isMet({ ...alone, budget: { kind: 'ratio at most', limit: 9 } }), undefined)
  t.equal(isMet({ ...alone, budget: { kind: 'at most', limit: 2 } }), false)
})

t.test(
  'a ratio that was taken round by round counts, not that of the middle figures',
  async (t) => {
    const taken: Row = { ...row, ratio: 1.04, budget: { kind: 'ratio at most', limit: 1.05 } }
    t.equal(ratioOf(taken), 1.04)
    t.equal(isMet(taken), true)
  }
)

t.test('a process is weighed with those that stand around it', needsLinux, async (t) => {
  t.equal(await privateMemoryBelow(process.pid, process.pid), 0)
  t.ok((await privateMemory(process.pid)) > 2 ** 20)
  t.ok((await privateMemoryBelow(process.ppid, process.pid)) > 2 ** 20)
  const before = await processorTime([process.pid])
  const end = performance.now() + 30
  while (performance.now() < end);
  t.ok((await processorTime([process.pid])) > before)
  const [first, ...below] = await withAllBelow(process.ppid)
  t.equal(first, process.ppid)
  t.ok(below.includes(process.pid))
  t.equal(await processorTime([2 ** 30]), 0, 'what has ended counts for nothing')
})

t.test('the result names the machine, both sides, the ratio and what is missed', async (t) => {
  const machine = { cpu: 'A CPU', cores: 2, memoryGiB: 4, node: '24.0.0', kernel: 'Linux 6.1' }
  const rows: Row[] = [
    { ...row, budget: { kind: 'ratio at most', limit: 1 } },
    { what: 'memory', unit: 'bytes', ours: 12_345.6, budget: { kind: 'at most', limit: 20_000 } },
    { what: 'a short time', unit: 'ms', ours: 0.012_34 }
  ]
  const text = markdown(machine, [
    { title: 'Some', rows, notes: ['Mind the gap.'] },
    { title: 'None', rows: [], notes: ['Not here.'] }
  ])
  t.match(text, 'A CPU, 2 cores, 4 GiB, Node 24.0.0, Linux 6.1')
  const lines = text.split('\n')
  const cells = (start: string): string[] | undefined =>
    lines
      .find((line) => line.startsWith(`| ${start}`))
      ?.split('|')
      .slice(1, -1)
      .map((cell) => cell.trim())
  t.same(cells('a call'), ['a call', '3 ms', 'the other one', '2 ms', '1.50 ×', '≤ 1 ×', '**no**'])
  t.same(cells('memory'), ['memory', '12346 bytes', '', '', '', '≤ 20000 bytes', 'yes'])
  t.equal(cells('a short time')?.[1], '0.0123 ms')
  t.equal(new Set(lines.filter((line) => line.startsWith('|')).map((l) => l.length)).size, 1)
  t.match(text, /Mind the gap\.\n\n### None\n\nNot here\.\n$/)
})

t.test('busy time counts for the innermost frame that has a group, within the span', async (t) => {
  const frame = (functionName: string, url = '') => ({ functionName, url })
  const profile = {
    startTime: 1000,
    nodes: [
      { id: 1, callFrame: frame('(root)'), children: [2, 5] },
      { id: 2, callFrame: frame('ours', 'file:///a.ts'), children: [3] },
      { id: 3, callFrame: frame('theirs', 'file:///node_modules/x/b.js'), children: [4] },
      { id: 4, callFrame: frame('native') },
      { id: 5, callFrame: frame('(idle)') },
      { id: 6, callFrame: frame('(program)') }
    ],
    samples: [2, 4, 5, 6, 3, 2],
    timeDeltas: [10, 20, 40, 80, 160, 320]
  }
  const groupOf = ({ url }: { url: string }) =>
    url === '' ? undefined : url.includes('node_modules') ? 'packages' : 'ours'
  const whole = busyTimes(profile, { from: 0, to: 9999 }, groupOf)
  t.same(Object.fromEntries(whole), { ours: 330, packages: 180, 'the engine': 80 })
  const part = busyTimes(profile, { from: 1020, to: 1200 }, groupOf)
  t.same(Object.fromEntries(part), { packages: 20, 'the engine': 80 }, 'a part of it')
})

t.test('what it cannot do is said before anything is measured', async (t) => {
  const run = (...args: string[]) =>
    spawnSync(process.execPath, ['ops/bench.ts', ...args], { encoding: 'utf8' })
  const { status, stderr, stdout } = run('--only', 'memory,speed', '--against', t.testdir())
  t.equal(status, 64)
  t.equal(stdout, '')
  t.match(
    stderr,
    /^--only: there is no scenario speed; there are latency, .*\n--against: .* is no checkout .*git worktree add/
  )
  t.equal(stderr.trim().split('\n').length, 2, 'a line each, and no more')
  const bare = t.testdir({ ops: { bench: { 'bench-place.ts': '' } } })
  t.match(run('--against', bare), { status: 64, stderr: /has no packages; run npm ci in it/ })
})
