import { randomBytes } from 'node:crypto'
import { openSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AccessLevel } from '#shared/access-levels.ts'
import { createKeyring, writeKeyring } from '../../gateway/accounts/keyring.ts'
import { type Config, readConfig } from '../../gateway/config/config.ts'
import { startGateway as start } from '../../gateway/start.ts'
import { createLog } from '../../gateway/telemetry/log.ts'
import { connectUsers, type GoogleStandIn, type TestUser } from './connect-users.ts'
import { freePort } from './free-port.ts'

export interface StartOptions {
  readonly google?: GoogleStandIn
  /** Whether everybody of `google` is connected already; true when missing. */
  readonly connected?: boolean
  /** The access level of everybody's token and grant. */
  readonly level?: AccessLevel
  /** Settings as the environment would give them. */
  readonly settings?: Readonly<Record<string, string>>
  /** Where the log goes instead of stderr. */
  readonly logFile?: string
  /** What a reload finds. */
  readonly reread?: () => Config
  /** Fetches client metadata documents in the place of the web. */
  readonly fetchClientMetadata?: typeof fetch
  /** Reaches the servers of mailing lists in the place of the web. */
  readonly fetchOfLists?: typeof fetch
  /** Keep using this directory (after an earlier gateway); it is not removed then. */
  readonly directory?: string
}

export interface TestGateway {
  /** Origin of the public port. */
  readonly origin: string
  /** The MCP endpoint. */
  readonly url: string
  readonly opsUrl: string
  readonly adminToken: string
  readonly users: readonly TestUser[]
  /** The first user's. */
  readonly token: string
  readonly config: Config
  /** Every route of the operators' app: method and path. */
  opsRoutes(): { method: string; path: string }[]
  /** Asks the operators' app; the answer's JSON. */
  admin(method: string, path: string): Promise<{ status: number; body: unknown }>
  /** A scrape of its metrics, as text. */
  metrics(): Promise<string>
  close(): Promise<void>
}

const NOBODYS_GOOGLE: GoogleStandIn = {
  url: 'http://127.0.0.1:9',
  clientId: 'client',
  clientSecret: 'secret',
  users: [{ email: 'ann@example.com', sub: '100000000000000000001' }],
  issueGrant: () => ({ refreshToken: '1//none' })
}

/** A real gateway with real worker processes on free ports, everybody of `google` connected. */
export async function startGateway(options: StartOptions = {}): Promise<TestGateway> {
  const google = options.google ?? NOBODYS_GOOGLE
  const directory = options.directory ?? (await mkdtemp(join(tmpdir(), 'gw-')))
  const documents = options.fetchClientMetadata ? 'on' : 'off' // `auto` asks the web
  const config = await configFor(directory, google, {
    CLIENT_DOCUMENTS: documents,
    ...options.settings
  })
  const users =
    options.connected === false
      ? []
      : await connectUsers(config, google, options.level ?? 'gmail.modify')
  const fd = options.logFile === undefined ? 2 : openSync(options.logFile, 'a')
  const log = createLog({ level: config.LOG_LEVEL, isTerminal: false, fd })
  const gateway = await start(config, log, {
    ...(options.fetchClientMetadata && { fetchClientMetadata: options.fetchClientMetadata }),
    ...(options.reread && { reread: options.reread }),
    ...(options.fetchOfLists && { fetchOfLists: options.fetchOfLists })
  })
  const origin = config.PUBLIC_URL
  const opsUrl = `http://127.0.0.1:${config.OPS_PORT}`
  const headers = { authorization: `Bearer ${config.ADMIN_TOKEN}` }
  return {
    origin,
    url: `${origin}/mcp`,
    opsUrl,
    adminToken: config.ADMIN_TOKEN ?? '',
    users,
    token: users[0]?.token ?? '',
    config,
    opsRoutes: () => routesIn(gateway.opsApp.printRoutes({ commonPrefix: false })),
    async admin(method, path) {
      const response = await fetch(`${opsUrl}${path}`, { method, headers })
      return { status: response.status, body: await response.json() }
    },
    async metrics() {
      return (await fetch(`${opsUrl}/metrics`, { headers })).text()
    },
    async close() {
      await gateway.close()
      if (options.directory === undefined) await rm(directory, { recursive: true, force: true })
    }
  }
}

/** Fastify prints a tree: a node's path is all of the path that its parents have not said. */
function routesIn(tree: string): { method: string; path: string }[] {
  const trail: string[] = []
  return tree.split('\n').flatMap((line) => {
    const [, indent = '', part = '', methods] = /^([ │├└─]*)(\S*)(?: \((.*)\))?$/u.exec(line) ?? []
    const depth = indent.length / 4
    trail.length = Math.max(0, depth - 1)
    trail.push(part)
    const path = trail.join('')
    return (methods?.split(', ') ?? []).map((method) => ({ method, path }))
  })
}

async function configFor(
  directory: string,
  google: GoogleStandIn,
  settings: Readonly<Record<string, string>>
): Promise<Config> {
  const secrets = join(directory, 'secrets.json')
  try {
    writeKeyring(secrets, createKeyring())
  } catch {} // an earlier gateway's directory has them
  const port = await freePort()
  return readConfig({
    PUBLIC_URL: `http://localhost:${port}`,
    PORT: String(port),
    OPS_PORT: String(await freePort()),
    ADMIN_TOKEN: randomBytes(24).toString('base64url'),
    GOOGLE_CLIENT_ID: google.clientId,
    GOOGLE_CLIENT_SECRET: google.clientSecret,
    GOOGLE_ISSUER_URL: google.url,
    GMAIL_API_URL: google.url,
    SECRETS_FILE: secrets,
    DATABASE_URL: `sqlite:${join(directory, 'gateway.sqlite')}`,
    RUN_DIR: join(directory, 'run'),
    WARM_WORKERS: '0',
    LOG_LEVEL: 'silent',
    ...settings
  })
}
