/**
 * `npm run bench`: measures what the project promises, both sides of each ratio in one run. Prints tables;
 * `--json <file>` and `--markdown <file>` write them as well, `--quick` takes a minute, `--only <name,…>` runs
 * some scenarios, `--variants` compares ways to start a worker as well. `--against <directory>` compares with another
 * build: a checkout with its packages (`--only '' --against <directory>` does nothing else, `--only reading --against
 * <directory>` only reads mail). `--only price` compares with several, each named so, and with `--peers` with programs
 * of others, which it gets from npm.
 */
import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { Bench } from './bench/bench.ts'
import { PROCESS } from './bench/bench-place.ts'
import { type Checkout, openCheckout, whyNoCheckout } from './bench/checkout.ts'
import { Child } from './bench/child.ts'
import { thisMachine } from './bench/machine.ts'
import { markdown, type Section } from './bench/markdown.ts'
import { FULL, QUICK } from './bench/sample-sizes.ts'
import { addedLatency } from './bench/scenarios/added-latency.ts'
import { against } from './bench/scenarios/against.ts'
import { coldStart } from './bench/scenarios/cold-start.ts'
import { hibernated } from './bench/scenarios/hibernated.ts'
import { hostile } from './bench/scenarios/hostile.ts'
import { memory } from './bench/scenarios/memory.ts'
import { noisyNeighbour } from './bench/scenarios/noisy-neighbour.ts'
import { price } from './bench/scenarios/price.ts'
import { profile } from './bench/scenarios/profile.ts'
import { reading } from './bench/scenarios/reading.ts'
import { scrape } from './bench/scenarios/scrape.ts'
import { sessions } from './bench/scenarios/sessions.ts'
import { startVariants } from './bench/scenarios/start-variants.ts'
import { throughput } from './bench/scenarios/throughput.ts'

const SCENARIOS: Readonly<Record<string, (bench: Bench) => Promise<Section>>> = {
  latency: addedLatency,
  throughput,
  price,
  sessions,
  start: coldStart,
  memory,
  hibernated,
  neighbours: noisyNeighbour,
  hostile,
  scrape,
  profile
}
const ASKED_FOR = { variants: startVariants, against, reading }

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'string' },
    markdown: { type: 'string' },
    variants: { type: 'boolean', default: false },
    against: { type: 'string', multiple: true, default: [] },
    peers: { type: 'boolean', default: false },
    only: { type: 'string' }
  }
})

const known = { ...SCENARIOS, ...ASKED_FOR }
const only = values.only?.split(',').filter((name) => name !== '')
const mistakes = [
  ...(only ?? [])
    .filter((name) => !Object.hasOwn(known, name))
    .map(
      (name) => `--only: there is no scenario ${name}; there are ${Object.keys(known).join(', ')}.`
    ),
  ...values.against.flatMap((directory) => {
    const why = whyNoCheckout(directory)
    return why === undefined ? [] : [`--against: ${why}`]
  })
]
if (mistakes.length > 0) {
  process.stderr.write(`${mistakes.join('\n')}\n`)
  process.exit(64) // EX_USAGE
}

// Without this the processes of the bench would go, but not its directory.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())
const stop = new AbortController()

await using checkout = await openCheckout(fileURLToPath(new URL('..', import.meta.url)))
await using open = new AsyncDisposableStack()
const others: Checkout[] = []
for (const directory of values.against) others.push(open.use(await openCheckout(directory)))
await using load = new Child(PROCESS.load, { flags: ['--expose-gc'] })
const { place, root, gateway } = checkout
const { peers, quick } = values
const bench = { place, root, gateway, others, peers, load, effort: quick ? QUICK : FULL }
const sections: Section[] = []
const asked = [
  ...(values.variants ? ['variants'] : []),
  ...(others.length > 0 ? ['against', 'reading'] : [])
]
const names = only?.length ? only : [...(only ? [] : Object.keys(SCENARIOS)), ...asked]
for (const name of names) {
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
