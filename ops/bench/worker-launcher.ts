import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream'
import { googleScopesFor } from '#shared/access-levels.ts'
import { systemClock } from '#shared/clock.ts'
import { asSessionId } from '#shared/ids.ts'
import { PRINCIPAL_HEADER, type Principal, REQUEST_ID_HEADER } from '#shared/internal-headers.ts'
import { sessionHash } from '#shared/session-hash.ts'
import type { Confinement } from '../../gateway/launcher/confinement.ts'
import type { Launched } from '../../gateway/launcher/launcher.ts'
import { WORKER_ENV } from '../../gateway/launcher/node-flags.ts'
import { openLauncher } from '../../gateway/launcher/open-launcher.ts'
import { ProcessLauncher } from '../../gateway/launcher/process-launcher.ts'
import { openRunDirectory } from '../../gateway/launcher/run-directory.ts'
import type { Target } from './mcp-client.ts'

export interface LaunchOptions {
  readonly directory: string
  /** The worker's program. */
  readonly entry: string
  /** How workers are confined; as a gateway would on this machine unless said. */
  readonly confinement?: Confinement
  readonly env?: Readonly<Record<string, string>>
}

/** What a gateway's WORKER_MEMORY and SESSIONS_PER_USER are by default. */
const MEMORY_BYTES = 256 * 2 ** 20
const SESSIONS = 32

/** Starts workers as the gateway does, without a gateway. */
export class WorkerLauncher {
  readonly #launcher: ProcessLauncher
  readonly #launched = new Set<Launched>()

  private constructor(launcher: ProcessLauncher) {
    this.#launcher = launcher
  }

  static async open({
    directory,
    entry,
    confinement,
    env = WORKER_ENV
  }: LaunchOptions): Promise<WorkerLauncher> {
    const base = join(directory, `run-${randomHex(3)}`)
    const common = { clock: systemClock, randomHex, entry, env, init: INIT }
    if (confinement) {
      const runDirectory = openRunDirectory({ base, pid: process.pid })
      return new WorkerLauncher(new ProcessLauncher({ ...common, runDirectory, confinement }))
    }
    const { launcher } = await openLauncher({
      ...common,
      directory: base,
      nodeDirectories: [directory],
      program: { entry, readable: [dirname(entry)], isWhole: false },
      uids: undefined,
      memoryBytes: MEMORY_BYTES,
      mustHold: false,
      wanted: 'auto',
      assets: { keys: [], databases: [], directories: [], doors: [] }
    })
    return new WorkerLauncher(launcher)
  }

  /** A worker that listens and waits for its account. Rejects with what it wrote when it does not start. */
  async start(): Promise<Launched> {
    const launched = this.#launcher.launch()
    this.#launched.add(launched)
    try {
      await launched.ready
    } catch (cause) {
      throw new Error(launched.diagnose(), { cause })
    }
    return launched
  }

  /** A worker that serves an account. Sessions it reports count as stored; too many end the oldest, as in a gateway. */
  async startAssigned(): Promise<Launched> {
    const launched = await this.start()
    const sessions: string[] = []
    launched.channel.on((message) => {
      if (message.type !== 'session-opened') return
      launched.channel.send({ type: 'session-stored', id: message.id })
      sessions.push(sessionHash(asSessionId(message.sessionId)))
      const oldest = sessions.length > SESSIONS ? sessions.shift() : undefined
      if (oldest !== undefined) launched.channel.send({ type: 'end-session', sessionHash: oldest })
    })
    const assigned = launched.channel.next('assigned')
    const googleScopes = [...googleScopesFor('gmail.modify')]
    launched.channel.send({ type: 'assign', email: 'bench@example.com', googleScopes })
    await assigned
    return launched
  }

  async stop(launched: Launched): Promise<void> {
    launched.kill('SIGKILL')
    await launched.gone
    this.#launched.delete(launched)
  }

  /** Ends every worker. May be called more than once. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#launched].map((launched) => this.stop(launched)))
    await this.#launcher.close()
  }
}

const randomHex = (bytes: number): string => randomBytes(bytes).toString('hex')

const INIT = {
  gmailOrigin: 'http://127.0.0.1:9',
  resourceMetadataUrl: 'http://127.0.0.1/.well-known/oauth-protected-resource/mcp'
}

/**
 * How a worker is reached with as little between as can be: it has no name, so this process listens in its place and
 * passes on the bytes.
 */
export async function directTarget(
  launched: Launched,
  directory: string
): Promise<Target & { readonly socketPath: string }> {
  const socketPath = join(directory, `direct-${launched.id}`)
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const connection = launched.connect()
    pipeline(socket, connection, () => {})
    pipeline(connection, socket, () => {})
  })
  void launched.gone.then(() => server.close())
  await once(server.listen(socketPath), 'listening')
  const principal: Principal = {
    credential: 'oauth',
    clientId: 'bench',
    level: 'gmail.modify',
    expiresAt: Math.floor(Date.now() / 1000) + 3600
  }
  return {
    origin: 'http://localhost',
    socketPath,
    headers: {
      [REQUEST_ID_HEADER]: 'bench',
      [PRINCIPAL_HEADER]: JSON.stringify(principal)
    }
  }
}
