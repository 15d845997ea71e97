/** `npm run jobs -- [directory of another build]`: what twenty jobs cost with this build and with the other, as docs/jobs.md. */
import { writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { jobsPage } from './jobs/jobs-page.ts'
import { runJobs } from './jobs/run-jobs.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

const [other] = process.argv.slice(2)
const before = other === undefined ? undefined : await runJobs(resolve(other))
const now = await runJobs(ROOT)
const page = jobsPage(now, before)
if (before) writeFileSync(`${ROOT}docs/jobs.md`, page)
process.stdout.write(page)
