import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { createKeyring, writeKeyring } from '../../gateway/accounts/keyring.ts'
import { type Config, readConfig } from '../../gateway/config/config.ts'
import type { SandboxProcess } from './sandbox-process.ts'

/** The gateway's settings for a demo: the environment's own, and for the rest what works by itself. */
export async function demoSettings(
  directory: string,
  sandbox: SandboxProcess,
  environment: NodeJS.ProcessEnv
): Promise<Config> {
  const secrets = join(directory, 'secrets.json')
  if (!existsSync(secrets)) writeKeyring(secrets, createKeyring())
  const port = await portFor(environment.DEMO_PORT ?? environment.PORT, '3006')
  const opsPort = await portFor(environment.DEMO_OPS_PORT ?? environment.OPS_PORT, '9464')
  return readConfig({
    PUBLIC_URL: `http://localhost:${port}`,
    ADMIN_TOKEN: randomBytes(24).toString('base64url'),
    SECRETS_FILE: secrets,
    DATABASE_URL: `sqlite:${join(directory, 'gateway.sqlite')}`,
    LOG_LEVEL: 'warn',
    CLIENT_DOCUMENTS: 'off', // a demo asks nobody but itself
    ...environment,
    PORT: port,
    OPS_PORT: opsPort,
    GOOGLE_ISSUER_URL: sandbox.url,
    GMAIL_API_URL: sandbox.url,
    GOOGLE_CLIENT_ID: sandbox.clientId,
    GOOGLE_CLIENT_SECRET: sandbox.clientSecret
  })
}

/** A port by number; `0` means any, which must be known before the gateway can say its own address. */
async function portFor(wanted: string | undefined, usual: string): Promise<string> {
  const port = wanted === undefined || wanted === '' ? usual : wanted
  if (port !== '0') return port
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return String(typeof address === 'object' ? address?.port : '')
}
