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

const USAGE = `npm run operator -- <file> <name> metrics|read|admin
npm run operator -- --remove <file> <name>
`

const fail = (text: string): never => {
  process.stderr.write(`${text}\n`)
  process.exit(64) // EX_USAGE
}

const isRemoval = process.argv[2] === '--remove'
const [path, name, role] = process.argv.slice(isRemoval ? 3 : 2)
if (path === undefined || name === undefined || (role === undefined) !== isRemoval) fail(USAGE)
else {
  const before = existsSync(path)
    ? OperatorsFile.parse(JSON.parse(readFileSync(path, 'utf8'))).operators
    : []
  const others = before.filter((one) => one.name !== name)
  const token = randomBytes(32).toString('base64url')
  const sha256 = createHash('sha256').update(token).digest('hex')
  const after = OperatorsFile.safeParse({
    operators: isRemoval ? others : [...others, { name, role, sha256 }]
  })
  if (!after.success) fail(z.prettifyError(after.error))
  else if (isRemoval && others.length === before.length) fail(`There is no operator ${name}.`)
  else {
    writeFileSync(`${path}.new`, `${JSON.stringify(after.data, null, 2)}\n`, { mode: 0o600 })
    giveTo(`${path}.new`, existsSync(path) ? path : dirname(path))
    renameSync(`${path}.new`, path)
    process.stdout.write(isRemoval ? '' : `${token}\n`)
    process.stderr.write('Reload the gateway: kill -HUP, or POST /admin/reload.\n')
  }
}
