/**
 * `npm run doctor`: looks at the settings and at everything that a gateway with them stands on, beside a running one or
 * before the first start, and changes nothing. A line for each thing: ok, warn, fail, or skip where it could not be
 * looked at. `--json` for programs. Ends with 0; with 1 when something fails, with 64 for a wrong command line.
 */
import { parseArgs } from 'node:util'
import { json, saying } from './admin/failed.ts'
import { examine } from './doctor/examine.ts'
import type { Finding } from './doctor/finding.ts'

const USAGE = `npm run doctor [-- --json]

Run it with the settings of the gateway in the environment, and as its user. A line for each thing:
ok; warn: the gateway works, and you should do what is said; fail: something does not work;
skip: it could not be looked at. Beside a running gateway it asks that one how it is.
It ends with 0, or with 1 when something fails.
`
const EX_USAGE = 64

function isJson(): boolean | undefined {
  try {
    const options = { json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } as const
    const { values } = parseArgs({ options })
    if (values.help) return undefined
    return values.json === true
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : ''}\n${USAGE}`)
    process.exit(EX_USAGE)
  }
}

const lineOf = ({ name, level, said }: Finding): string =>
  `${level.padEnd(4)}  ${name.padEnd(8)}  ${saying(said).replaceAll('\n', ' ')}`

const wantsJson = isJson()
if (wantsJson === undefined) process.stdout.write(USAGE)
else {
  const findings = await examine(process.env)
  const fails = findings.some(({ level }) => level === 'fail')
  const told = wantsJson
    ? json({ ok: !fails, checks: findings }, 2)
    : findings.map(lineOf).join('\n')
  process.stdout.write(`${told}\n`)
  process.exitCode = fails ? 1 : 0
}
