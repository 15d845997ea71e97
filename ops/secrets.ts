/**
 * Makes the file that SECRETS_FILE names: `npm run secrets -- secrets.json`. With `--rotate` it adds a newest
 * key for every purpose. With `--reseal` it seals what DATABASE_URL holds under the newest key, which a
 * gateway also does once it sees the file; then older keys may be taken out of it. With `--forget-lost` it removes
 * Google grants whose keys are lost for good. All of it may be done while gateways run.
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
import { forgetLost, reseal } from './secrets/reseal.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rotate: { type: 'boolean', default: false },
    reseal: { type: 'boolean', default: false },
    'forget-lost': { type: 'boolean', default: false }
  }
})
const [path = 'secrets.json'] = positionals
const databaseUrl = process.env.DATABASE_URL ?? 'sqlite:data/gateway.sqlite'

try {
  if (values.rotate) {
    const next = `${path}.${process.pid}.new`
    writeKeyring(next, rotateKeyring(loadKeyring(path)))
    renameSync(next, path)
    console.log(`${path}: new keys added (0400). Keep a copy.`)
  }
  if (values.reseal) {
    const count = await reseal(path, databaseUrl)
    console.log(`${databaseUrl}: ${count} grants sealed anew under the newest key.`)
  }
  if (values['forget-lost']) {
    const count = await forgetLost(path, databaseUrl)
    console.log(
      `${databaseUrl}: ${count} grants removed that these keys do not open. Their people sign in again.`
    )
  }
  if (!values.rotate && !values.reseal && !values['forget-lost']) {
    writeKeyring(path, createKeyring())
    console.log(`${path}: written (0400). Set SECRETS_FILE to it and keep a copy.`)
  }
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
