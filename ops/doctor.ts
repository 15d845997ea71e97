/**
 * `npm run doctor`: looks at the settings and at everything that a gateway with them stands on, beside a running one or
 * before the first start, and changes nothing. A line for each thing: ok, warn, fail, or skip where it could not be
 * looked at. `--json` for programs. Ends with 0; with 1 when something fails, with 64 for a wrong command line.
 */
import { json, saying } from './admin/failed.ts'
import { readCommandLine } from './command-line.ts'
import { examine } from './doctor/examine.ts'
import type { Finding } from './doctor/finding.ts'

const USAGE = `npm run doctor [-- --json]

Run it with the settings of the gateway in the environment, and as its user. A line for each thing:
ok; warn: the gateway works, and you should do what is said; fail: something does not work;
skip: it could not be looked at. Beside a running gateway it asks that one how it is.
It ends with 0, or with 1 when something fails.
`
const lineOf = ({ name, level, said }: Finding): string =>
  `${level.padEnd(4)}  ${name.padEnd(8)}  ${saying(said).replaceAll('\n', ' ')}`

const { values } = readCommandLine({
  usage: USAGE,
  most: 0,
  options: { json: { type: 'boolean' } }
})
const findings = await examine(process.env)
const fails = findings.some(({ level }) => level === 'fail')
const told = values.json
  ? json({ ok: !fails, checks: findings }, 2)
  : findings.map(lineOf).join('\n')
process.stdout.write(`${told}\n`)
process.exitCode = fails ? 1 : 0
