/**
 * Makes the file that SECRETS_FILE names: `npm run secrets -- secrets.json`; without a name, SECRETS_FILE's own. With
 * `--rotate` it adds a newest key for every purpose. With `--reseal` it seals what the gateway's database holds under the
 * newest key, which a gateway also does once it sees the file; then older keys may be taken out of it. With
 * `--forget-lost` it removes Google grants whose keys are lost for good. All of it may be done while gateways run.
 */
import { realpathSync, renameSync } from 'node:fs'
import { dirname } from 'node:path'
import { GatewayError } from '#shared/errors.ts'
import {
  createKeyring,
  loadKeyring,
  rotateKeyring,
  writeKeyring
} from '../gateway/accounts/keyring.ts'
import { readStoreSettings } from '../gateway/config/setting-files.ts'
import { readDatabaseUrl, spokenOf } from '../gateway/store/database-url.ts'
import { giveTo } from './backup/give-to.ts'
import { readCommandLine } from './command-line.ts'
import { forgetLost, reseal } from './secrets/reseal.ts'

const USAGE = `npm run secrets -- [file]                    makes the file; SECRETS_FILE's, or secrets.json
npm run secrets -- --rotate [file]           adds a newest key for every purpose
npm run secrets -- --reseal [file]           seals what the database holds under the newest key
npm run secrets -- --forget-lost [file]      removes grants whose keys are lost for good
`

const { values, positionals } = readCommandLine({
  usage: USAGE,
  most: 1,
  options: {
    rotate: { type: 'boolean', default: false },
    reseal: { type: 'boolean', default: false },
    'forget-lost': { type: 'boolean', default: false }
  }
})
const { SECRETS_FILE } = process.env
const path = positionals[0] ?? (SECRETS_FILE || 'secrets.json')
const isNew = !values.rotate && !values.reseal && !values['forget-lost']

try {
  if (isNew) {
    writeKeyring(path, createKeyring())
    giveTo(path, dirname(path))
    console.log(`${path}: written (0400). Set SECRETS_FILE to it and keep a copy.`)
  }
  if (values.reseal || values['forget-lost']) refuseForeign()
  if (values.rotate) {
    const next = `${path}.${process.pid}.new`
    writeKeyring(next, rotateKeyring(loadKeyring(path)))
    giveTo(next, path)
    renameSync(next, path)
    console.log(`${path}: new keys added (0400). Keep a copy.`)
  }
  if (values.reseal) {
    const { url, spoken } = database()
    console.log(`${spoken}: ${await reseal(path, url)} grants sealed anew under the newest key.`)
  }
  if (values['forget-lost']) {
    const { url, spoken } = database()
    const count = await forgetLost(path, url)
    console.log(
      `${spoken}: ${count} grants removed that these keys do not open. Their people sign in again.`
    )
  }
} catch (cause) {
  console.error(cause instanceof GatewayError ? cause.message : whyNot(cause))
  process.exitCode = 1
}

function database(): { url: string; spoken: string } {
  const { DATABASE_URL: url } = readStoreSettings(process.env)
  return { url, spoken: spokenOf(readDatabaseUrl(url)) }
}

/** What the gateway cannot open with its own keys is lost to it. */
function refuseForeign(): void {
  if (SECRETS_FILE && real(SECRETS_FILE) !== real(path))
    throw new GatewayError(
      'ERR_CONFIG',
      `${path} is not the file that SECRETS_FILE names: the gateway could not open what is sealed with it, and its own grants would count as lost. Nothing was changed.`
    )
}

function real(file: string): string {
  try {
    return realpathSync(file)
  } catch {
    return file // whoever reads it says so
  }
}

function whyNot(cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  return code === 'EEXIST'
    ? `${path} exists already. Nothing was changed; use --rotate to add new keys to it.`
    : `${path} cannot be written (${String(code ?? cause)}).`
}
