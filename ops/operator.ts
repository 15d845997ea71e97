/**
 * `npm run operator -- <file> <name> <role>`: gives somebody a token for the ops port. Their entry in OPERATORS_FILE
 * is new, or gets another token; the token is printed once and only its hash is kept. `--remove` takes it back.
 */
import { createHash, randomBytes } from 'node:crypto'
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import * as z from 'zod'
import { OperatorsFile } from '../gateway/admin/operators.ts'
import { giveTo } from './backup/give-to.ts'
import { readCommandLine, refuseCommandLine } from './command-line.ts'

const USAGE = `npm run operator -- <file> <name> metrics|read|admin
npm run operator -- --remove <file> <name>
`

const { values, positionals } = readCommandLine({
  usage: USAGE,
  most: 3,
  options: { remove: { type: 'boolean', default: false } }
})
const [path, name, role] = positionals
if (path === undefined || name === undefined || (role === undefined) !== values.remove)
  refuseCommandLine(
    `Name the file${values.remove ? ' and' : ','} the operator${values.remove ? '' : ' and the role'}.`,
    USAGE
  )

const before = existsSync(path) ? readOperators(path) : []
const others = before.filter((one) => one.name !== name)
if (values.remove && others.length === before.length)
  refuseCommandLine(`There is no operator ${name}.`, USAGE)
const token = randomBytes(32).toString('base64url')
const sha256 = createHash('sha256').update(token).digest('hex')
const after = OperatorsFile.safeParse({
  operators: values.remove ? others : [...others, { name, role, sha256 }]
})
if (!after.success) refuseCommandLine(z.prettifyError(after.error), USAGE)
writeFileSync(`${path}.new`, `${JSON.stringify(after.data, null, 2)}\n`, { mode: 0o600 })
giveTo(`${path}.new`, existsSync(path) ? path : dirname(path))
renameSync(`${path}.new`, path)
process.stdout.write(values.remove ? '' : `${token}\n`)
process.stderr.write('Reload the gateway: kill -HUP, or POST /admin/reload.\n')

/** Nothing is made of a file that is something else. */
function readOperators(path: string): z.infer<typeof OperatorsFile>['operators'] {
  try {
    return OperatorsFile.parse(JSON.parse(readFileSync(path, 'utf8'))).operators
  } catch {
    return refuseCommandLine(`${path} is not a file of operators; nothing was changed.`, USAGE)
  }
}
