/**
 * `npm run image:rehearsal`: does what the Dockerfile says, without Docker, in a directory of its own, and
 * tries the result against the stand-in for Google. Leaves nothing behind; exit code 1 tells of a failure.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import type { Config } from '../gateway/config.ts'
import { type SandboxProcess, startSandboxProcess } from './demo/sandbox-process.ts'
import { demoSettings } from './demo/settings.ts'
import { signInEverybody } from './demo/sign-in-everybody.ts'
import { buildStages } from './image/build-stages.ts'
import { readDockerfile, type Stage } from './image/dockerfile.ts'
import { giveTo, ordinaryUser } from './image/ordinary-user.ts'

const READY_MS = 20_000
const END_MS = 15_000

const repository = fileURLToPath(new URL('..', import.meta.url))
const base = mkdtempSync(join(tmpdir(), 'gmail-mcp-image-'))

try {
  chmodSync(base, 0o711)
  const stages = readDockerfile(readFileSync(join(repository, 'Dockerfile'), 'utf8'))
  const app = buildStages(stages, {
    base,
    repository,
    skipped: (command) => say(`left to docker: ${command.slice(0, 60)}`)
  })
  say('built with production dependencies')
  const last = stages.at(-1)
  if (last) await rehearse(last, app)
} finally {
  rmSync(base, { recursive: true, force: true })
}

async function rehearse(stage: Stage, app: string): Promise<void> {
  const data = join(base, 'data')
  const run = join(base, 'run')
  for (const directory of [data, run]) mkdirSync(directory, { mode: 0o700 })
  const sandbox = await startSandboxProcess(base, '1')
  try {
    const config = await demoSettings(data, sandbox, { DEMO_PORT: '0', DEMO_OPS_PORT: '0' })
    const [person] = await signInEverybody(config, sandbox, base)
    const user = ordinaryUser(base)
    if (user) for (const directory of [data, run]) giveTo(user.id, directory)
    const [, ...flags] = stage.command
    const env = { ...stage.env, ...settings(config, sandbox, run), PATH: process.env.PATH }
    const child = spawn(user?.node ?? process.execPath, flags, {
      cwd: app,
      env,
      stdio: ['ignore', 'inherit', 'inherit'],
      ...(user && { uid: user.id, gid: user.id })
    })
    const exited = once(child, 'exit')
    try {
      await healthy(stage, child, env)
      say(user ? 'healthy, as an ordinary user who cannot read node' : 'healthy')
      say(`called a tool: ${await callTool(`${config.PUBLIC_URL}/mcp`, person?.token ?? '')}`)
      child.kill('SIGTERM')
      const [code] = await Promise.race([exited, late('The gateway did not end.')])
      expect(code === 0, `after SIGTERM the exit code was ${String(code)}`)
      const left = readdirSync(run).filter((name) => !name.startsWith('node-')) // kept for the next start
      expect(left.length === 0, 'the gateway left sockets behind')
      say('ended with 0 after SIGTERM, nothing left behind')
    } finally {
      child.kill('SIGKILL')
    }
  } finally {
    await sandbox.close()
  }
}

/** What the container would get from compose.yaml, for a machine that has other programs as well. */
function settings(config: Config, sandbox: SandboxProcess, run: string) {
  return {
    PUBLIC_URL: config.PUBLIC_URL,
    HOST: '127.0.0.1',
    PORT: String(config.PORT),
    OPS_HOST: '127.0.0.1',
    OPS_PORT: String(config.OPS_PORT),
    ADMIN_TOKEN: config.ADMIN_TOKEN,
    SECRETS_FILE: config.SECRETS_FILE,
    DATABASE_URL: config.DATABASE_URL,
    RUN_DIR: run,
    GOOGLE_ISSUER_URL: sandbox.url,
    GMAIL_API_URL: sandbox.url,
    GOOGLE_CLIENT_ID: sandbox.clientId,
    GOOGLE_CLIENT_SECRET: sandbox.clientSecret
  }
}

/** Asks as Docker does, with the Dockerfile's own command, until the answer is yes. */
async function healthy(stage: Stage, child: ChildProcess, env: NodeJS.ProcessEnv): Promise<void> {
  const [, ...args] = stage.healthcheck
  for (const end = Date.now() + READY_MS; Date.now() < end; await wait(200)) {
    expect(child.exitCode === null, `the gateway ended at once, with ${String(child.exitCode)}`)
    if (spawnSync(process.execPath, args, { env }).status === 0) return
  }
  throw new Error('The gateway did not become healthy.')
}

async function callTool(url: string, token: string): Promise<string> {
  const client = new Client({ name: 'image-rehearsal', version: '1.0.0' })
  const requestInit = { headers: { authorization: `Bearer ${token}` } }
  const transport = new StreamableHTTPClientTransport(new URL(url), { requestInit })
  await client.connect(transport)
  const result = await client.callTool({ name: 'get_profile', arguments: {} })
  await transport.terminateSession()
  await client.close()
  expect(result.isError !== true, `get_profile failed: ${JSON.stringify(result.content)}`)
  return 'get_profile'
}

function expect(fact: boolean, otherwise: string): void {
  if (!fact) throw new Error(otherwise)
}

async function late(message: string): Promise<never> {
  await wait(END_MS, undefined, { ref: false })
  throw new Error(message)
}

function say(line: string): void {
  console.log(`image: ${line}`)
}
