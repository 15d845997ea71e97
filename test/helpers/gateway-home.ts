import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import * as z from 'zod'
import type { AccessLevel } from '#shared/access-levels.ts'
import { createKeyring, writeKeyring } from '../../gateway/accounts/keyring.ts'
import { connectUsers, type GoogleStandIn, type TestUser } from './connect-users.ts'
import { freePort } from './free-port.ts'

const MAIN = fileURLToPath(new URL('../../gateway/main.ts', import.meta.url))

const Workers = z.object({
  workers: z.array(z.object({ id: z.string(), pid: z.number().nullable(), phase: z.string() }))
})
export type AdminWorker = z.infer<typeof Workers>['workers'][number]

/** One `node gateway/main.ts`. */
export interface GatewayProcess {
  readonly pid: number
  /** What it wrote to its log and to stderr so far. */
  readonly output: () => string
  /** Resolves when the log says so; rejects when the process ends before. */
  said(words: string): Promise<void>
  kill(signal: 'SIGTERM' | 'SIGKILL' | 'SIGWINCH'): void
  /** Its exit code, or the signal that ended it. Settles once, never rejects. */
  readonly gone: Promise<number | string>
}

export interface HomeOptions {
  /** So many people of a Google that nobody asks anything, or a Google with its own people. */
  readonly users: number | GoogleStandIn
  readonly settings: Readonly<Record<string, string>>
  /** Of everybody's token; `gmail.modify`, if absent. */
  readonly level?: AccessLevel
}

export type GatewayHome = Awaited<ReturnType<typeof openGatewayHome>>

/** A data directory and ports for gateways that run as processes, one after the other or at once. */
export async function openGatewayHome(
  t: Test,
  { users: wanted, settings, level = 'gmail.modify' }: HomeOptions
) {
  const google = typeof wanted === 'number' ? nobodysGoogle(wanted) : wanted
  const directory = await mkdtemp(join(tmpdir(), 'gw-')) // a socket's path must be short
  await chmod(directory, 0o711) // workers may be somebody else's
  const port = await freePort()
  const opsPort = await freePort()
  const adminToken = randomBytes(24).toString('base64url')
  const env: Record<string, string> = {
    PUBLIC_URL: `http://localhost:${port}`,
    PORT: String(port),
    OPS_PORT: String(opsPort),
    ADMIN_TOKEN: adminToken,
    GOOGLE_CLIENT_ID: google.clientId,
    GOOGLE_CLIENT_SECRET: google.clientSecret,
    GOOGLE_ISSUER_URL: google.url,
    GMAIL_API_URL: google.url,
    SECRETS_FILE: join(directory, 'secrets.json'),
    DATABASE_URL: `sqlite:${join(directory, 'state', 'gateway.sqlite')}`,
    RUN_DIR: join(directory, 'run'),
    WARM_WORKERS: '0',
    CLIENT_DOCUMENTS: 'off', // `auto` asks the web
    LOG_LEVEL: 'info',
    ...settings
  }
  writeKeyring(env.SECRETS_FILE ?? '', createKeyring())
  const files = { DATABASE_URL: env.DATABASE_URL ?? '', SECRETS_FILE: env.SECRETS_FILE ?? '' }
  const users: TestUser[] = await connectUsers(files, google, level)
  const running = new Set<GatewayProcess>()
  t.teardown(async () => {
    for (const gateway of running) gateway.kill('SIGKILL')
    await Promise.all([...running].map(({ gone }) => gone))
    await rm(directory, { recursive: true, force: true })
  })
  const headers = { authorization: `Bearer ${adminToken}` }
  const ops = `http://127.0.0.1:${opsPort}`
  return {
    /** The settings that each gateway here is started with. */
    env,
    users,
    /** As the environment of each process has them. */
    settings: env,
    port,
    opsPort,
    ops,
    url: `http://localhost:${port}/mcp`,
    /** `changes` to the settings, for this process; `under` a command that runs another one. */
    start(
      changes: Readonly<Record<string, string>> = {},
      under: readonly string[] = []
    ): GatewayProcess {
      const [command = '', ...args] = [...under, process.execPath, MAIN]
      const gateway = follow(
        spawn(command, args, {
          env: { PATH: process.env.PATH, ...env, ...changes },
          stdio: ['ignore', 'pipe', 'pipe']
        })
      )
      running.add(gateway)
      void gateway.gone.then(() => running.delete(gateway))
      return gateway
    },
    /** What the gateway that has the ports says of itself, by the name of the series. */
    async metrics(): Promise<ReadonlyMap<string, number>> {
      const text = await (await fetch(`${ops}/metrics`, { headers })).text()
      const series = text.matchAll(/^([^#\s]\S*) (\S+)$/gm)
      return new Map([...series].map(([, name = '', value]) => [name, Number(value)]))
    },
    async workers(): Promise<AdminWorker[]> {
      const response = await fetch(`${ops}/admin/workers`, { headers })
      return Workers.parse(await response.json()).workers
    },
    /** Resolves when the process is gone. */
    async stopWorker(id: string): Promise<void> {
      await (await fetch(`${ops}/admin/workers/${id}`, { method: 'DELETE', headers })).text()
    }
  }
}

const nobodysGoogle = (count: number): GoogleStandIn => ({
  url: 'http://127.0.0.1:9',
  clientId: 'client',
  clientSecret: 'secret',
  users: Array.from({ length: count }, (_, n) => ({
    email: `user${n}@example.com`,
    sub: String(100_000_000_000_000_000_000n + BigInt(n))
  })),
  issueGrant: () => ({ refreshToken: '1//none' })
})

function follow(child: ChildProcess): GatewayProcess {
  const { pid, stdout, stderr } = child
  if (pid === undefined || !stdout || !stderr) throw new Error('the gateway was not started')
  let output = ''
  const hearers = new Set<() => void>()
  const hear = (chunk: Buffer): void => {
    output += chunk.toString('utf8')
    for (const hearer of hearers) hearer()
  }
  stdout.on('data', hear)
  stderr.on('data', hear)
  const gone = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | string)
  return {
    pid,
    output: () => output,
    gone,
    kill: (signal) => void child.kill(signal),
    async said(words) {
      const heard = Promise.withResolvers<void>()
      const hearer = (): void => {
        if (output.includes(words)) heard.resolve()
      }
      hearers.add(hearer)
      hearer()
      const ended = gone.then((end) => {
        throw new Error(`the gateway ended with ${end} before it said "${words}":\n${output}`)
      })
      await Promise.race([heard.promise, ended]).finally(() => hearers.delete(hearer))
      ended.catch(() => {}) // its end comes after its words
    }
  }
}
