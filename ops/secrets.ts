/**
 * Makes the file that SECRETS_FILE names: `npm run secrets -- secrets.json`. With `--rotate` it adds
 * a newest key for every purpose; restart the gateway and it seals what is stored under the new one.
 */
import { renameSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { GatewayError } from '#shared/errors.ts'
import {
  createKeyring,
  loadKeyring,
  rotateKeyring,
  writeKeyring
} from '../gateway/accounts/keyring.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rotate: { type: 'boolean', default: false } }
})
const [path = 'secrets.json'] = positionals

try {
  if (values.rotate) {
    const next = `${path}.${process.pid}.new`
    writeKeyring(next, rotateKeyring(loadKeyring(path)))
    renameSync(next, path)
  } else {
    writeKeyring(path, createKeyring())
  }
  console.log(
    `${path}: ${values.rotate ? 'new keys added' : 'written'} (0400). Set SECRETS_FILE to it and keep a copy.`
  )
} catch (cause) {
  console.error(cause instanceof GatewayError ? cause.message : whyNot(cause))
  process.exitCode = 1
}

function whyNot(cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  return code === 'EEXIST'
    ? `${path} exists already. Nothing was changed; use --rotate to add new keys to it.`
    : `${path} cannot be written (${String(code ?? cause)}).`
}
