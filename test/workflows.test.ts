import { access, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { parse } from 'yaml'
import * as z from 'zod'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

const Step = z.union([
  z.strictObject({ uses: z.string() }),
  z.strictObject({ run: z.string(), env: z.record(z.string(), z.string()).optional() })
])
// Of https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax what ours use.
const Workflow = z.strictObject({
  name: z.string(),
  on: z.record(z.string(), z.unknown()),
  permissions: z.record(z.string(), z.literal('read')),
  jobs: z.record(
    z.string(),
    z.looseObject({
      'runs-on': z.string(),
      'timeout-minutes': z.number(),
      needs: z.string().optional(),
      steps: z.array(Step).min(1)
    })
  )
})

const Manifest = z.object({ scripts: z.record(z.string(), z.string()) })

const files = (await readdir(join(ROOT, '.github/workflows'))).map(
  (name) => `.github/workflows/${name}`
)
const workflows = await Promise.all(
  files.map(async (file) => Workflow.parse(parse(await readFile(join(ROOT, file), 'utf8'))))
)

t.test('a job waits for one that there is', async (t) => {
  for (const { jobs } of workflows)
    for (const { needs } of Object.values(jobs)) if (needs !== undefined) t.ok(jobs[needs], needs)
})

t.test('what the workflows run is there', async (t) => {
  const { scripts } = Manifest.parse(JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')))
  const steps = workflows.flatMap(({ jobs }) => Object.values(jobs).flatMap((job) => job.steps))
  for (const line of steps.flatMap((step) => ('run' in step ? [step.run] : []))) {
    const [, script] = /^npm run (\S+)/.exec(line) ?? []
    if (script !== undefined) t.ok(scripts[script], line)
    if (line.startsWith('.')) await t.resolves(access(join(ROOT, line)), line)
    // What comes from outside reaches a shell as a variable of the environment, never as its text:
    // https://docs.github.com/actions/reference/security/secure-use#use-an-intermediate-environment-variable
    t.notMatch(line, /\$\{\{/, line)
  }
})

t.test('each job of the release may do what it does, and no more', async (t) => {
  const text = await readFile(join(ROOT, '.github/workflows/release.yml'), 'utf8')
  const { jobs } = Workflow.parse(parse(text))
  const rights = Object.fromEntries(
    Object.entries(jobs).map(([name, job]) => [name, job.permissions ?? {}])
  )
  t.same(rights, {
    check: {},
    publish: { contents: 'write', 'id-token': 'write' },
    image: { contents: 'read', packages: 'write' },
    'image-of-all': { packages: 'write' }
  })
})
