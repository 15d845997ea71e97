/**
 * `npm run lease-costs -- postgres://…`: what leases of many machines cost an empty PostgreSQL database, by the gateway's own
 * statements, and what follows from it for all of them. `--machines 100 --people 1000 --rounds 200` are the standard.
 */
import { readCommandLine, refuseCommandLine } from './command-line.ts'
import { measureLeases, type Span } from './lease-costs/measure.ts'
import { modelOf } from './lease-costs/model.ts'

const USAGE =
  'npm run lease-costs -- postgres://user@host/empty [--machines 100] [--people 1000] [--rounds 200]\n'
const { values, positionals } = readCommandLine({
  usage: USAGE,
  options: {
    machines: { type: 'string', default: '100' },
    people: { type: 'string', default: '1000' },
    rounds: { type: 'string', default: '200' }
  },
  most: 1
})
const [url = ''] = positionals
const [machines, people, rounds] = [values.machines, values.people, values.rounds].map(Number)
if (!/^postgres(ql)?:/.test(url)) refuseCommandLine('Name a PostgreSQL database.', USAGE)
if (!machines || machines < 2 || !people || people < 1 || !rounds || rounds < 1)
  refuseCommandLine('There must be two machines, one person on each, and one round.', USAGE)

const ms = ({ p50, p99 }: Span): string => `${p50.toFixed(2)} ms (p99 ${p99.toFixed(1)})`
const costs = await measureLeases(url, machines, people, rounds)
const model = modelOf(costs, { cores: 2, callsAMinute: 2 })
const rows: [string, string][] = [
  [`one machine renews ${people} leases`, ms(costs.renewal)],
  [`all ${machines} machines renew, ten at a time`, `${costs.roundOfAll.toFixed(2)} s`],
  ['log of one renewal', `${costs.logBytesPerRenewal.toFixed(0)} bytes`],
  ['one lease taken from the dead, ten at a time', ms(costs.take)],
  [`all ${people} of a dead machine`, `${costs.storm.toFixed(2)} s`],
  ['a lease verified in a transaction', ms(costs.verify)],
  ['follows: time of the database for renewals', `${(model.renewalShare * 100).toFixed(1)} %`],
  ['follows: log of renewals', `${model.logMegabytes.toFixed(1)} MB/s`],
  ['follows: machines at half of the time', `${model.machinesAtHalf}`],
  [
    'follows: after a death, for who calls meanwhile',
    `${model.storm.lease} s lease, ${model.storm.takes.toFixed(2)} s takes, ${model.storm.starts.toFixed(2)} s starts`
  ]
]
for (const [what, figure] of rows) process.stdout.write(`| ${what} | ${figure} |\n`)
