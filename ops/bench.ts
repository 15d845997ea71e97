/**
 * `npm run bench`: measures what the project promises, both sides of each ratio in one run. Prints tables;
 * `--json <file>` and `--markdown <file>` write them as well, `--quick` takes a minute, `--only <name,…>` runs
 * some scenarios, `--variants` compares ways to start a worker as well.
 */
import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import type { Bench } from './bench/bench.ts'
import { openBenchPlace, PROCESS } from './bench/bench-place.ts'
import { Child } from './bench/child.ts'
import { FULL, QUICK } from './bench/effort.ts'
import { thisMachine } from './bench/machine.ts'
import { markdown, type Section } from './bench/markdown.ts'
import { addedLatency } from './bench/scenarios/added-latency.ts'
import { coldStart } from './bench/scenarios/cold-start.ts'
import { hibernated } from './bench/scenarios/hibernated.ts'
import { memory } from './bench/scenarios/memory.ts'
import { neighbours } from './bench/scenarios/neighbours.ts'
import { profile } from './bench/scenarios/profile.ts'
import { sessions } from './bench/scenarios/sessions.ts'
import { startVariants } from './bench/scenarios/start-variants.ts'
import { throughput } from './bench/scenarios/throughput.ts'

const SCENARIOS: Readonly<Record<string, (bench: Bench) => Promise<Section>>> = {
  latency: addedLatency,
  throughput,
  sessions,
  start: coldStart,
  memory,
  hibernated,
  neighbours,
  profile
}
const VARIANTS = { variants: startVariants }

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'string' },
    markdown: { type: 'string' },
    variants: { type: 'boolean', default: false },
    only: { type: 'string', default: Object.keys(SCENARIOS).join(',') }
  }
})

// Without this the processes of the bench would go, but not its directory.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())
const stop = new AbortController()

await using place = await openBenchPlace()
await using load = new Child(PROCESS.load, { flags: ['--expose-gc'] })
const bench = { place, load, effort: values.quick ? QUICK : FULL }
const sections: Section[] = []
const known = { ...SCENARIOS, ...VARIANTS }
for (const name of [...values.only.split(','), ...(values.variants ? ['variants'] : [])]) {
  const scenario = new Map(Object.entries(known)).get(name)
  if (!scenario) throw new Error(`There is no scenario ${name}: ${Object.keys(known).join(', ')}`)
  process.stderr.write(`${name} …\n`)
  sections.push(await scenario(bench))
  if (stop.signal.aborted) break
}
const machine = thisMachine()
const text = markdown(machine, sections)
process.stdout.write(text)
if (values.markdown !== undefined) await writeFile(values.markdown, text)
if (values.json !== undefined)
  await writeFile(values.json, `${JSON.stringify({ machine, sections }, null, 2)}\n`)
