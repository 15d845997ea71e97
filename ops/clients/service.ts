import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chmod, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import * as z from 'zod'
import { createKeyring, writeKeyring } from '../../gateway/accounts/keyring.ts'
import { readConfig } from '../../gateway/config/config.ts'
import { freePort } from '../bench/free-port.ts'
import { startSandboxProcess } from '../demo/sandbox-process.ts'
import { signInEverybody } from '../demo/sign-in-everybody.ts'

const MAIN = fileURLToPath(new URL('../../gateway/main.ts', import.meta.url))
const PATIENCE_MS = 60_000

/** The gateway as clients meet it, with a stand-in for Google behind it, and what may happen to it. */
export interface Service {
  /** Of the public port, without a path. */
  readonly origin: string
  /** The person who uses the clients, and a personal token of theirs. */
  readonly email: string
  readonly token: string
  /** Puts a message (RFC 5322) into the person's mailbox; gives its id. */
  deliver(raw: string): Promise<string>
  /** Subjects of all that the person has sent. */
  sentSubjects(): Promise<readonly string[]>
  /** Ends the person's worker by SIGKILL. */
  killWorker(): Promise<void>
  /** Starts a second gateway, which takes over from the first one, as an upgrade does. */
  restart(): Promise<void>
  /** Ends all sessions of the person as an operator does. */
  endSessions(): Promise<void>
  /** May be called more than once. */
  close(): Promise<void>
}

const Workers = z.object({ workers: z.array(z.object({ pid: z.number().nullable() })) })
const Sessions = z.object({ sessions: z.array(z.object({ handle: z.string() })) })
const Messages = z.object({
  messages: z.array(z.object({ subject: z.string(), labelIds: z.array(z.string()) }))
})

/** Starts it with its data below `directory`. */
export async function startService(directory: string): Promise<Service> {
  await mkdir(directory, { recursive: true })
  await chmod(directory, 0o711) // workers may be somebody else's
  const sandbox = await startSandboxProcess(directory, '2')
  const port = await freePort()
  const origin = `http://localhost:${port}`
  const adminToken = randomBytes(24).toString('base64url')
  const env = {
    PUBLIC_URL: origin,
    PORT: String(port),
    OPS_PORT: String(await freePort()),
    ADMIN_TOKEN: adminToken,
    GOOGLE_CLIENT_ID: sandbox.clientId,
    GOOGLE_CLIENT_SECRET: sandbox.clientSecret,
    GOOGLE_ISSUER_URL: sandbox.url,
    GMAIL_API_URL: sandbox.url,
    SECRETS_FILE: join(directory, 'secrets.json'),
    DATABASE_URL: `sqlite:${join(directory, 'gateway.sqlite')}`,
    RUN_DIR: join(directory, 'run'),
    // The documents of real clients are on the internet, which a lab does without.
    CLIENT_DOCUMENTS: 'off',
    LOG_LEVEL: 'info'
  }
  writeKeyring(env.SECRETS_FILE, createKeyring())
  const [user] = await signInEverybody(readConfig(env), sandbox, directory)
  if (!user) throw new Error('The stand-in for Google has nobody.')
  let gateway = await startGateway(env, '"msg":"ready"')
  const ops = async (path: string, method = 'GET'): Promise<unknown> => {
    const headers = { authorization: `Bearer ${adminToken}` }
    const signal = AbortSignal.timeout(PATIENCE_MS)
    const url = `http://127.0.0.1:${env.OPS_PORT}${path}`
    const text = await (await fetch(url, { method, headers, signal })).text()
    return text === '' ? {} : JSON.parse(text)
  }
  const mailbox = `${sandbox.url}/sandbox/mailboxes/${encodeURIComponent(user.email)}`
  return {
    origin,
    ...user,
    async deliver(raw) {
      const response = await fetch(`${mailbox}/deliver`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ raw })
      })
      return z.object({ id: z.string() }).parse(await response.json()).id
    },
    async sentSubjects() {
      const { messages } = Messages.parse(await (await fetch(`${mailbox}/messages`)).json())
      return messages.filter(({ labelIds }) => labelIds.includes('SENT')).map((one) => one.subject)
    },
    async killWorker() {
      const { workers } = Workers.parse(await ops('/admin/workers'))
      for (const { pid } of workers) if (pid !== null) process.kill(pid, 'SIGKILL')
      await delay(300)
    },
    async restart() {
      const next = await startGateway(env, 'ready to take over')
      const leaving = gateway
      gateway = next
      leaving.kill('SIGTERM')
      await once(leaving, 'exit')
    },
    async endSessions() {
      const { sessions } = Sessions.parse(await ops('/admin/sessions?limit=1000'))
      for (const { handle } of sessions) await ops(`/admin/sessions/${handle}`, 'DELETE')
    },
    async close() {
      if (gateway.exitCode === null && gateway.signalCode === null) {
        const gone = once(gateway, 'exit')
        gateway.kill('SIGTERM')
        await gone
      }
      await sandbox.close()
    }
  }
}

/** Starts `gateway/main.ts` and waits until its log says so. */
async function startGateway(env: Record<string, string>, words: string): Promise<ChildProcess> {
  const gateway = spawn(process.execPath, [MAIN], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe']
  })
  const said = Promise.withResolvers<void>()
  let log = ''
  const hear = (chunk: Buffer): void => {
    // Its pipes must be read to the end; only the beginning is looked at.
    if (log.length < 100_000) log += chunk.toString('utf8')
    if (log.includes(words)) said.resolve()
  }
  gateway.stdout.on('data', hear)
  gateway.stderr.on('data', hear)
  gateway.on('exit', () => said.reject(new Error(`The gateway ended: ${log.slice(-500)}`)))
  const late = setTimeout(() => said.reject(new Error('The gateway is late.')), PATIENCE_MS)
  try {
    await said.promise
  } finally {
    clearTimeout(late)
  }
  return gateway
}
