import type { Cost, JobCosts } from './run-jobs.ts'
import { TWENTY_JOBS } from './twenty-jobs.ts'

/** The table, beside that of an earlier build if there is one. */
export function jobsPage(now: JobCosts, before: JobCosts = now): string {
  const rows = TWENTY_JOBS.map(({ title }, at) => {
    const [is, was] = [now.jobs[at], before.jobs[at]]
    if (!is || !was) throw new TypeError('every job has a cost')
    return row(title, is, was)
  })
  const total = row('**All of them, each with a new worker**', all(now.jobs), all(before.jobs))
  const day = row('**All of them one after another with one worker**', now.day, before.day)
  const lists = (['all', 'extended', 'core'] as const).map(
    (set) =>
      `| ${set} | ${number(before.listBytes.all)} | ${number(now.listBytes[set])} | ${ratio(now.listBytes[set], before.listBytes.all)} |`
  )
  return `# What twenty jobs cost

Jobs as people give them to an assistant, in the calls that they take, against the stand-in for Gmail (\`ops/sandbox\`), whose
mailbox has 40-odd short messages. Made by \`npm run jobs -- <directory of another build>\`; "before" is the build of 28 November
2026\u00a0(db1d2f1). Each job begins with a new worker, but for the last line. Units are Google's (2026-05-01). Bytes are those of the results: in both forms, as most clients get them, and as text
alone, as they come in the core set and to Claude Code and Codex. Times are left out: the stand-in answers at once, and the
number of requests to Gmail says more.

| job | calls | requests | units | | bytes | text alone | |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
${[...rows, total, day].join('\n')}

Each cell is *before → now*; the columns without a name are now ÷ before: of units, and of the text alone of now ÷ both forms of before.

A message costs 20 units whoever needs it, a mail that is sent 100, and no cache changes that: a job that looks at mail once costs
what it cost. What is looked at again, in the same job or in the next one while the worker lives (\`WORKER_IDLE\`), costs 2 units for
all of it. So the sum depends on how often a day returns to the same mail.

The list of tools, which a model is shown in each of its turns, in bytes (the first column is all tools of the build before):

| set | before | now | |
| --- | ---: | ---: | ---: |
${lists.join('\n')}
`
}

const all = (costs: readonly Cost[]): Cost =>
  costs.reduce((a, b) => ({
    calls: a.calls + b.calls,
    requests: a.requests + b.requests,
    units: a.units + b.units,
    bytes: a.bytes + b.bytes,
    textBytes: a.textBytes + b.textBytes
  }))

const row = (title: string, is: Cost, was: Cost): string =>
  `| ${title} | ${is.calls} | ${change(was.requests, is.requests)} | ${change(was.units, is.units)} | ${ratio(is.units, was.units)} | ${change(was.bytes, is.bytes)} | ${number(is.textBytes)} | ${ratio(is.textBytes, was.bytes)} |`

const change = (was: number, is: number): string => `${number(was)} → ${number(is)}`
const number = (value: number): string => value.toLocaleString('en')
const ratio = (is: number, was: number): string => (is / Math.max(1, was)).toFixed(2)
