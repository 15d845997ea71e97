import { fileURLToPath } from 'node:url'
import t from 'tap'
import { jobsPage } from '../../ops/jobs/jobs-page.ts'
import { runJobs } from '../../ops/jobs/run-jobs.ts'
import { TWENTY_JOBS } from '../../ops/jobs/twenty-jobs.ts'

/** docs/jobs.md: what the build before the cache needed for the same day (db1d2f1). */
const BEFORE = { units: 7748, bytes: 261_437, listBytes: 101_839 }

t.test('a day of twenty jobs takes half of the units and of the bytes that it took', async (t) => {
  const costs = await runJobs(fileURLToPath(new URL('../..', import.meta.url)))
  t.equal(costs.jobs.length, 20)
  for (const [at, { calls, units }] of costs.jobs.entries())
    t.ok(calls > 1 && units > 0, `${TWENTY_JOBS[at]?.title}`)
  t.ok(costs.day.units <= BEFORE.units / 2, `${costs.day.units} units`)
  t.ok(costs.day.textBytes <= BEFORE.bytes * 0.6, `${costs.day.textBytes} bytes`)
  t.ok(costs.listBytes.core <= BEFORE.listBytes * 0.2, `${costs.listBytes.core} bytes`)
  const page = jobsPage(costs)
  for (const { title } of TWENTY_JOBS) t.match(page, `| ${title} |`)
})
