import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { startBearerLoopback } from '../helpers/bearer-loopback.ts'
import { startTarget } from './fixture-target.ts'
import { type Check, type Revision, runSuite } from './suite.ts'

const BASELINE = join(import.meta.dirname, 'baseline.yaml')

/** Fewer passed checks mean that scenarios were skipped, even if none failed. */
const PASSED_AT_LEAST: Record<Revision, number> = { '2025-11-25': 80, '2026-07-28': 160 }

t.test('the official suite passes, but for what the baseline names', async (t) => {
  const target = await startTarget()
  t.teardown(() => target.close())
  const proxy = await startBearerLoopback(target.url, target.token)
  t.teardown(() => proxy.close())

  const troubled: Check[] = []
  for (const [revision, floor] of Object.entries(PASSED_AT_LEAST) as [Revision, number][]) {
    t.test(`what ${revision} requires`, async (t) => {
      const run = await runSuite(proxy.url, revision, BASELINE, t.testdir())
      t.equal(run.exitCode, 0, 'every required scenario passes', { suite: run.output.split('\n') })
      const passed = run.checks.filter(({ status }) => status === 'SUCCESS').length
      t.ok(passed >= floor, `at least ${floor} checks pass`, { passed })
      troubled.push(...run.checks.filter(({ status }) => /FAILURE|WARNING/.test(status)))
    })
  }

  t.test('each failure and warning is in the baseline, and nothing else is', async (t) => {
    const baseline = await readBaseline()
    const names = ({ scenario, id }: Check) => [scenario, `${scenario}:${id}`]
    const unexpected = troubled.filter((check) => !names(check).some((name) => baseline.has(name)))
    t.same(unexpected, [])
    t.same([...baseline.difference(new Set(troubled.flatMap(names)))], [])
  })
})

async function readBaseline(): Promise<Set<string>> {
  const lines = (await readFile(BASELINE, 'utf8')).split('\n')
  return new Set(lines.flatMap((line) => /^ {2}- (\S+)$/.exec(line)?.[1] ?? []))
}
