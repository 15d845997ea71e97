/** The only importer of node:child_process in the gateway. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:os'
import { Duplex, PassThrough } from 'node:stream'
import type { Clock } from '#shared/clock.ts'
import { GatewayError } from '#shared/errors.ts'
import { asWorkerId, type WorkerId } from '#shared/ids.ts'
import { LINK_FD } from '#shared/multiplexer/frames.ts'
import { CHANNEL_PROTOCOL, type ToWorker } from '#shared/worker-protocol.ts'
import { awaitProcessEnd } from './await-process-end.ts'
import type { ConfinedCommand, Confinement } from './confinement.ts'
import type { Dial } from './dial.ts'
import { failedLaunch } from './failed-launch.ts'
import type { Launched, Launcher, ProcessEnd, WorkerGreeting } from './launcher.ts'
import { innermost, mainThread, startIfThere } from './procfs.ts'
import { forEachLine } from './read-lines.ts'
import type { RunDirectory } from './run-directory.ts'
import { TokenBucket } from './token-bucket.ts'
import type { WorkerChannel } from './worker-channel.ts'
import { WorkerLink } from './worker-link.ts'

export interface ProcessLauncherParts {
  readonly clock: Clock
  /** Gives random bytes in hexadecimal, for ids. */
  readonly randomHex: (bytes: number) => string
  readonly runDirectory: RunDirectory
  readonly confinement: Confinement
  /** Called before each start: what a start needs may have been cleared away. Must not throw. */
  readonly prepare?: () => void
  /** The worker's program. */
  readonly entry: string
  /** The whole environment of a worker: at most five names, none of them secret. */
  readonly env: Readonly<Record<string, string>>
  /** How a worker gets out; without it, it does not. */
  readonly dial?: Dial
  readonly onDial?: (result: 'ok' | 'failed') => void
  /** Takes what no worker of ours does for an end like any other: so that the self-test can be seen to miss that wall. */
  readonly overlooksOffences?: boolean
  /** What every worker is told. */
  readonly init: WorkerInit
  /** A line that a worker wrote, cut after 8 KiB. Must not throw. */
  readonly onLine?: (workerId: WorkerId, stream: 'stdout' | 'stderr', line: string) => void
}

export type WorkerInit = Omit<Extract<ToWorker, { type: 'init' }>, 'type' | 'protocol'>

const STDERR_KEPT = 4096
/** What a worker may print, in characters. One of ours prints why it ends, and else nothing. */
const PRINTED = { burst: 2 ** 20, perSecond: 2 ** 14 }
/** A grandchild that escaped the process group may hold the pipes open; nobody waits for it. */
const PIPES_MS = 1000
/** A worker that has closed its end of the pair is about to end. */
const ENDING_MS = 2000

/** Runs each worker as a Node process of this machine, in a process group of its own. */
export class ProcessLauncher implements Launcher {
  readonly #parts: ProcessLauncherParts

  constructor(parts: ProcessLauncherParts) {
    this.#parts = parts
  }

  launch(): Launched {
    const { clock, confinement, randomHex, prepare } = this.#parts
    const id = `w-${randomHex(4)}`
    prepare?.()
    let cell: ConfinedCommand | undefined
    try {
      cell = confinement.cell()
      return new WorkerProcess(id, cell, this.#parts)
    } catch (cause) {
      void cell?.leave() // never rejects
      if (cause instanceof GatewayError && cause.code === 'ERR_WORKER_CAPACITY') throw cause
      return failedLaunch(id, clock, cause)
    }
  }

  async close(): Promise<void> {
    await this.#parts.runDirectory.close()
  }
}

class WorkerProcess implements Launched {
  readonly id: WorkerId
  readonly launchedAt: number
  readonly channel: WorkerChannel
  readonly ready: Promise<WorkerGreeting>
  readonly gone: Promise<ProcessEnd>
  readonly #child: ChildProcess
  readonly #link: WorkerLink
  #isGone = false
  #stderr = ''
  #offence: string | undefined
  #inner: number | undefined
  readonly #isNested: boolean

  constructor(id: string, cell: ConfinedCommand, parts: ProcessLauncherParts) {
    const { clock, onLine, dial, onDial } = parts
    this.id = asWorkerId(id)
    this.launchedAt = clock.now()
    this.#isNested = cell.isNested === true
    const child = start(cell, parts)
    this.#child = child
    const pair = pairOf(child)
    const onEnd = (why: string | undefined): void =>
      this.#unlinked(parts.overlooksOffences ? undefined : why, clock)
    const look = () => (this.pid === undefined ? undefined : mainThread(this.pid))
    this.#link = new WorkerLink({ clock, pair, look, dial, onDial, onEnd })
    this.channel = this.#link.channel
    this.#listen(onLine, clock)
    const forget = this.#note(parts.runDirectory)
    this.gone = this.#end(clock).then(async (end) => {
      this.#link.close()
      forget()
      await cell.leave()
      return end
    })
    this.ready = this.#greet(parts.init)
    this.ready.catch(() => {}) // who launched may look at `gone` alone
  }

  /** The worker's own process, as soon as it is there; until then the one that makes its place. */
  get pid(): number | undefined {
    return this.#inner ?? this.#child.pid
  }

  connect(): Duplex {
    return this.#link.connect()
  }

  passWhile(mayPass: () => boolean): void {
    this.#link.passWhile(mayPass)
  }

  kill(signal: 'SIGTERM' | 'SIGKILL'): void {
    const { pid } = this.#child
    if (pid === undefined || this.#isGone) return
    // What stands around the worker would end by the signal at once, and the worker with it.
    if (signal === 'SIGTERM' && this.#inner !== undefined) killOne(this.#inner, signal)
    else killGroup(pid, signal)
  }

  diagnose(): string {
    return this.#stderr
  }

  /** A process of which there is no note could outlive the gateway unseen: it ends. */
  #note(directory: RunDirectory): () => void {
    const { pid } = this.#child
    try {
      if (pid !== undefined) return directory.note(pid)
    } catch (error) {
      this.#keep(`Its process could not be noted: ${String(error)}`)
      this.kill('SIGKILL')
    }
    return () => {}
  }

  /** Without its pair a worker is of no use; one that broke the rules ends at once. */
  #unlinked(why: string | undefined, clock: Clock): void {
    if (why === undefined) {
      clock.after(ENDING_MS, () => this.kill('SIGKILL'))
      return
    }
    this.#offence ??= why
    this.#keep(why)
    this.kill('SIGKILL')
  }

  #listen(onLine: ProcessLauncherParts['onLine'], clock: Clock): void {
    const { stdout, stderr } = this.#child
    const allowance = new TokenBucket(PRINTED, () => clock.monotonic())
    for (const stream of [stdout, stderr])
      stream?.on('data', (text: Buffer | string) => {
        if (!stream.destroyed && !allowance.take(text.length)) {
          stream.destroy()
          this.#unlinked('It prints without an end.', clock)
        }
      })
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
      if (this.#isNested && this.#child.pid !== undefined) this.#inner = innermost(this.#child.pid)
      if (protocol !== CHANNEL_PROTOCOL) {
        throw new Error(`The worker speaks protocol ${protocol}, not ${CHANNEL_PROTOCOL}.`)
      }
      const ready = this.channel.next('ready')
      this.channel.send({ type: 'init', protocol, ...init })
      await ready
      return { version }
    } catch (cause) {
      throw new GatewayError('ERR_WORKER_START', 'The worker ended before it was ready.', { cause })
    }
  }

  /** What stands around a worker may be gone a moment before the worker itself. */
  async #innerEnds(clock: Clock): Promise<void> {
    const inner = this.#inner
    if (inner !== undefined) await awaitProcessEnd(clock, () => startIfThere(inner))
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
    await Promise.race([closed.then(() => this.#innerEnds(clock)), late])
    cancel()
    const isOutOfMemory = this.#stderr.includes('heap out of memory')
    return { ...(this.#isNested ? unwrapped(end) : end), isOutOfMemory, offence: this.#offence }
  }
}

function start({ command }: ConfinedCommand, { entry, env }: ProcessLauncherParts): ChildProcess {
  const [file, ...args] = command
  return spawn(file, [...args, entry], {
    cwd: '/',
    env: { ...env },
    // The last one is `LINK_FD`: a connected pair that has no name. Node's own channel to a child would hold a message
    // of any length, and would let bytes that are none end the gateway.
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    detached: true
  })
}

/** The gateway's end of the pair; a closed one when no process could be made. */
function pairOf({ stdio }: ChildProcess): Duplex {
  const pair = stdio[LINK_FD]
  return pair instanceof Duplex ? pair : new PassThrough().destroy()
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

/** What stands around a worker says as a shell does which signal ended it: 128 and its number. */
function unwrapped(end: { code: number | null; signal: string | null }) {
  const number = (end.code ?? 0) - 128
  const [name] = Object.entries(constants.signals).find(([, value]) => value === number) ?? []
  return name === undefined ? end : { code: null, signal: name }
}

function killOne(pid: number, signal: 'SIGTERM'): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It ended meanwhile.
  }
}

/** The process leads a group of its own, so that nothing it started stays behind. */
function killGroup(pid: number, signal: 'SIGTERM' | 'SIGKILL'): void {
  try {
    process.kill(-pid, signal)
  } catch {
    // Nobody is left.
  }
}
