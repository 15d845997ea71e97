/**
 * `npm run image:check`: does what the Dockerfile says, without Docker, in a directory of its own, and
 * tries the result against the stand-in for Google in each way in which it can be run (docs/walls.md): the wall between
 * workers that belongs to it must hold. Leaves nothing behind; exit code 1 tells of a failure.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import * as z from 'zod'
import type { Config } from '../gateway/config/config.ts'
import { type SandboxProcess, startSandboxProcess } from './demo/sandbox-process.ts'
import { demoSettings } from './demo/settings.ts'
import { signInEverybody } from './demo/sign-in-everybody.ts'
import { buildStages } from './image/build-stages.ts'
import { readDockerfile, type Stage } from './image/dockerfile.ts'
import { giveTo } from './image/give-to.ts'
import { type Way, waysHere } from './image/ways.ts'

const READY_MS = 20_000
const END_MS = 15_000

const Ready = z.object({ isolation: z.object({ mode: z.string(), missing: z.array(z.string()) }) })

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
  // As in the image: a node that can be run and, but for root, not read.
  const node = join(base, 'node')
  copyFileSync(process.execPath, node)
  chmodSync(node, 0o711)
  for (const way of waysHere((what) => say(`left to docker: ${what}`)))
    if (last) await rehearse(last, app, node, way)
} finally {
  rmSync(base, { recursive: true, force: true })
}

async function rehearse(stage: Stage, app: string, node: string, way: Way): Promise<void> {
  const home = mkdtempSync(join(base, 'way-'))
  chmodSync(home, 0o711)
  const data = join(home, 'data')
  const run = join(home, 'run')
  const tmp = join(home, 'tmp')
  for (const directory of [data, run, tmp]) mkdirSync(directory, { mode: 0o700 })
  const sandbox = await startSandboxProcess(home, '1')
  try {
    const config = await demoSettings(data, sandbox, { DEMO_PORT: '0', DEMO_OPS_PORT: '0' })
    const [person] = await signInEverybody(config, sandbox, home)
    for (const directory of [data, run, tmp]) giveTo(way.uid, directory)
    const [, ...flags] = stage.command
    const env = {
      ...stage.env,
      ...settings(config, sandbox, run),
      ...way.settings,
      PATH: process.env.PATH,
      TMPDIR: tmp
    }
    const [file = node, ...around] = [...way.around, node]
    const child = spawn(file, [...around, ...flags], {
      cwd: app,
      env,
      stdio: ['ignore', 'inherit', 'inherit']
    })
    const exited = once(child, 'exit')
    try {
      await healthy(stage, child, env)
      say(`healthy, as ${way.name}`)
      say(await walls(config, way))
      say(`called a tool: ${await callTool(`${config.PUBLIC_URL}/mcp`, person?.token ?? '')}`)
      child.kill('SIGTERM')
      const [code] = await Promise.race([exited, late('The gateway did not end.')])
      expect(code === 0, `after SIGTERM the exit code was ${String(code)}`)
      const left = [...leftIn(run), ...leftIn(tmp), ...processesBelow(home)]
      expect(left.length === 0, `the gateway left behind: ${left.join(', ')}`)
      say('ended with 0 after SIGTERM, nothing left behind')
    } finally {
      child.kill('SIGKILL')
    }
  } finally {
    await sandbox.close()
  }
}

/** The files below a directory, but for the copies of node that the next start takes. */
function leftIn(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((one) => !one.isDirectory() && !one.name.startsWith('node-'))
    .map(({ parentPath, name }) => join(parentPath, name))
}

/** What still runs in a directory, or from it. */
function processesBelow(directory: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
        const isThere = readlinkSync(`/proc/${pid}/cwd`).startsWith(directory)
        return isThere || command.includes(directory) ? [`process ${pid}, ${command}`] : []
      } catch {
        return [] // it ended meanwhile
      }
    })
}

/** The mode in force, as `/ready` tells it; throws when it is another one, or does not hold what it promises. */
async function walls(config: Config, way: Way): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${config.OPS_PORT}/ready`, {
    headers: { authorization: `Bearer ${config.ADMIN_TOKEN}` }
  })
  const { mode, missing } = Ready.parse(await response.json()).isolation
  expect(mode === way.mode, `the isolation is ${mode}, not ${way.mode}`)
  expect(mode !== 'namespaces' || missing.length === 0, missing.join(' '))
  return `isolation ${mode}: ${missing.length} of what is tried can be done${missing.length > 0 ? `: ${missing.join(' ')}` : ''}`
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
