/** The only importer of node:child_process in the gateway. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { CHANNEL_PROTOCOL, type ToWorker } from '#shared/channel.ts'
import type { Clock } from '#shared/clock.ts'
import { GatewayError } from '#shared/errors.ts'
import { asWorkerId, type WorkerId } from '#shared/ids.ts'
import type { Cell, Confinement } from './confinement.ts'
import type { Launched, Launcher, ProcessEnd, WorkerGreeting } from './launcher.ts'
import { forEachLine } from './lines.ts'
import type { Room, RunDirectory } from './run-directory.ts'
import { stillborn } from './stillborn.ts'
import { PostedChannel, type WorkerChannel } from './worker-channel.ts'

export interface ProcessLauncherParts {
  readonly clock: Clock
  /** Gives random bytes in hexadecimal; unguessable, for ids and secrets. */
  readonly randomHex: (bytes: number) => string
  readonly runDirectory: RunDirectory
  readonly confinement: Confinement
  /** The worker's program. */
  readonly entry: string
  /** The whole environment of a worker: at most five names, none of them secret. */
  readonly env: Readonly<Record<string, string>>
  /** What every worker is told besides its own socket and secret. */
  readonly init: WorkerInit
  /** A line that a worker wrote, cut after 8 KiB. Must not throw. */
  readonly onLine?: (workerId: WorkerId, stream: 'stdout' | 'stderr', line: string) => void
}

export type WorkerInit = Omit<
  Extract<ToWorker, { type: 'init' }>,
  'type' | 'protocol' | 'socketPath' | 'secret'
>

const STDERR_KEPT = 4096
const SECRET_BYTES = 32
/** A grandchild that escaped the process group may hold the pipes open; nobody waits for it. */
const PIPES_MS = 1000

/** Runs each worker as a Node process of this machine, in a process group of its own. */
export class ProcessLauncher implements Launcher {
  readonly #parts: ProcessLauncherParts

  constructor(parts: ProcessLauncherParts) {
    this.#parts = parts
  }

  launch(): Launched {
    const { clock, confinement, randomHex } = this.#parts
    const id = `w-${randomHex(4)}`
    let cell: Cell | undefined
    try {
      cell = confinement.cell()
      return new WorkerProcess(id, cell, this.#parts)
    } catch (cause) {
      void cell?.leave() // never rejects
      if (cause instanceof GatewayError && cause.code === 'ERR_WORKER_CAPACITY') throw cause
      return stillborn(id, clock, cause)
    }
  }

  async close(): Promise<void> {
    await this.#parts.runDirectory.close()
  }
}

class WorkerProcess implements Launched {
  readonly id: WorkerId
  readonly launchedAt: number
  readonly socketPath: string
  readonly secret: string
  readonly channel: WorkerChannel
  readonly ready: Promise<WorkerGreeting>
  readonly gone: Promise<ProcessEnd>
  readonly #child: ChildProcess
  #isGone = false
  #stderr = ''

  constructor(id: string, cell: Cell, parts: ProcessLauncherParts) {
    const { clock, randomHex, onLine } = parts
    this.id = asWorkerId(id)
    this.launchedAt = clock.now()
    this.secret = Buffer.from(randomHex(SECRET_BYTES), 'hex').toString('base64url')
    const room = parts.runDirectory.room(cell.uid)
    this.socketPath = room.socketPath
    const child = start(cell, parts)
    this.#child = child
    const channel = new PostedChannel({ clock, post: (message) => this.#post(message) })
    this.channel = channel
    child.on('message', (raw) => this.#receive(channel, raw))
    this.#listen(onLine)
    this.gone = this.#end(clock).then(async (end) => {
      channel.close()
      room.remove()
      await cell.leave()
      return end
    })
    this.ready = this.#greet(parts.init)
    this.ready.catch(() => {}) // who launched may look at `gone` alone
    this.#settle(room)
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  kill(signal: 'SIGTERM' | 'SIGKILL'): void {
    const { pid } = this.#child
    if (pid === undefined || this.#isGone) return
    killGroup(pid, signal)
  }

  diagnose(): string {
    return this.#stderr
  }

  /** A process of which there is no note could outlive the gateway unseen: it ends. */
  #settle(room: Room): void {
    try {
      if (this.pid !== undefined) room.occupy(this.pid)
    } catch (error) {
      this.#keep(`Its process could not be noted: ${String(error)}`)
      this.kill('SIGKILL')
    }
  }

  #post(message: ToWorker): void {
    // The callback takes the error of a process that ended meanwhile; `gone` tells of that.
    if (this.#child.connected) this.#child.send(message, () => {})
  }

  #receive(channel: PostedChannel, raw: unknown): void {
    try {
      channel.receive(raw)
    } catch {
      this.#keep('The worker sent a message that is not in the protocol.')
      this.kill('SIGKILL')
    }
  }

  #listen(onLine: ProcessLauncherParts['onLine']): void {
    const { stdout, stderr } = this.#child
    if (stdout) forEachLine(stdout, (line) => onLine?.(this.id, 'stdout', line))
    if (!stderr) return
    forEachLine(stderr, (line) => {
      this.#keep(line)
      onLine?.(this.id, 'stderr', line)
    })
  }

  #keep(line: string): void {
    this.#stderr = `${this.#stderr}${line}\n`.slice(-STDERR_KEPT)
  }

  async #greet(init: WorkerInit): Promise<WorkerGreeting> {
    try {
      const { protocol, version } = await this.channel.next('hello')
      if (protocol !== CHANNEL_PROTOCOL) {
        throw new Error(`The worker speaks protocol ${protocol}, not ${CHANNEL_PROTOCOL}.`)
      }
      const ready = this.channel.next('ready')
      const { socketPath, secret } = this
      this.channel.send({ type: 'init', protocol, socketPath, secret, ...init })
      await ready
      return { version }
    } catch (cause) {
      throw new GatewayError('ERR_WORKER_START', 'The worker ended before it was ready.', { cause })
    }
  }

  async #end(clock: Clock): Promise<ProcessEnd> {
    const child = this.#child
    const closed = once(child, 'close').catch(() => {})
    const end = await exitOf(child, (line) => this.#keep(line))
    this.#isGone = true
    if (child.pid !== undefined) killGroup(child.pid, 'SIGKILL') // what it may have started
    // The last words come through the pipes, after the exit.
    const { promise: late, resolve } = Promise.withResolvers<void>()
    const cancel = clock.after(PIPES_MS, resolve)
    await Promise.race([closed, late])
    cancel()
    return { ...end, isOutOfMemory: this.#stderr.includes('heap out of memory') }
  }
}

function start({ command, uid }: Cell, { entry, env }: ProcessLauncherParts): ChildProcess {
  const [file, ...args] = command
  // The gateway must be able to connect to the socket of another user. Workers write nothing else.
  const mask = uid === undefined ? undefined : process.umask(0)
  try {
    // `spawn`, not `fork`: fork hands our own execArgv down to the child.
    return spawn(file, [...args, entry], {
      cwd: '/',
      env: { ...env },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      serialization: 'json',
      detached: true
    })
  } finally {
    if (mask !== undefined) process.umask(mask)
  }
}

/** Settles when the process is gone, or could not be started at all. */
function exitOf(child: ChildProcess, keep: (line: string) => void) {
  const { promise, resolve } = Promise.withResolvers<{
    code: number | null
    signal: string | null
  }>()
  child.once('exit', (code, signal) => resolve({ code, signal }))
  child.once('error', (error) => {
    keep(error.message)
    if (child.pid === undefined) resolve({ code: null, signal: null })
  })
  return promise
}

/** The process leads a group of its own, so that nothing it started stays behind. */
function killGroup(pid: number, signal: 'SIGTERM' | 'SIGKILL'): void {
  try {
    process.kill(-pid, signal)
  } catch {
    // Nobody is left.
  }
}
