import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { createKeyring, writeKeyring } from '../../gateway/accounts/keyring.ts'
import { type Config, readConfig } from '../../gateway/config/config.ts'

/**
 * The gateway's settings as far as one local person needs them: a Google OAuth client. Keys and the
 * stored grant lie in STDIO_DATA, by default below the home directory. Throws ERR_CONFIG.
 */
export function stdioSettings(environment: NodeJS.ProcessEnv): Config {
  const base = environment.XDG_DATA_HOME || join(homedir(), '.local', 'share')
  const directory = environment.STDIO_DATA || join(base, 'gmail-mcp-gateway')
  const secrets = join(directory, 'secrets.json')
  const config = readConfig({
    SECRETS_FILE: secrets,
    DATABASE_URL: `sqlite:${join(directory, 'account.sqlite')}`,
    ...environment,
    // Of the gateway's own; nothing listens there.
    PUBLIC_URL: 'http://localhost',
    ADMIN_TOKEN: randomBytes(32).toString('hex')
  })
  if (config.SECRETS_FILE === secrets && !existsSync(secrets)) {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    writeKeyring(secrets, createKeyring())
  }
  return config
}
