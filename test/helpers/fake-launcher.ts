import { type Duplex, PassThrough } from 'node:stream'
import type { Launched, Launcher } from '../../gateway/launcher/launcher.ts'
import { WorkerChannelEnd } from '../../gateway/launcher/worker-channel.ts'
import type { Clock } from '../../shared/clock.ts'
import { GatewayError } from '../../shared/errors.ts'
import { asWorkerId } from '../../shared/ids.ts'
import type { FromWorker, ToWorker } from '../../shared/worker-protocol.ts'

/** How a fake worker behaves where it is not played by the test. */
export interface Manners {
  /** Is ready when launched, and assigned when told so. */
  readonly isPrompt?: boolean
  /** Ends when asked to: by the drain message, or else by SIGTERM. */
  readonly endsOn?: 'drain' | 'SIGTERM' | 'SIGKILL'
  readonly answersPing?: boolean
  readonly diesAtOnce?: boolean
}

const POLITE: Required<Manners> = {
  isPrompt: true,
  endsOn: 'drain',
  answersPing: true,
  diesAtOnce: false
}

/** Launches nothing; its workers are polite, or the test plays their part. */
export class FakeLauncher implements Launcher {
  readonly children: FakeChild[] = []
  readonly #clock: Clock
  manners: Manners
  isClosed = false
  hasRoom = true

  constructor(clock: Clock, manners: Manners = {}) {
    this.#clock = clock
    this.manners = manners
  }

  launch(): FakeChild {
    if (!this.hasRoom) throw new GatewayError('ERR_WORKER_CAPACITY', 'No room.')
    const child = new FakeChild(this.children.length, this.#clock, this.manners)
    this.children.push(child)
    return child
  }

  async close(): Promise<void> {
    this.isClosed = true
  }

  /** The worker launched as number `n`, counted from 0. */
  child(n: number): FakeChild {
    const child = this.children[n]
    if (!child) throw new Error(`Only ${this.children.length} workers were launched.`)
    return child
  }

  get alive(): FakeChild[] {
    return this.children.filter(({ isGone }) => !isGone)
  }
}

export class FakeChild implements Launched {
  readonly id
  readonly pid
  readonly launchedAt
  readonly channel: WorkerChannelEnd
  readonly heard: ToWorker[] = []
  readonly signals: string[] = []
  readonly #manners: Required<Manners>
  readonly #ready = Promise.withResolvers<{ version: string }>()
  readonly #gone = Promise.withResolvers<{
    code: number | null
    signal: string | null
    isOutOfMemory: boolean
  }>()
  readonly ready = this.#ready.promise
  readonly gone = this.#gone.promise
  isGone = false

  constructor(n: number, clock: Clock, manners: Manners) {
    this.#manners = { ...POLITE, ...manners }
    this.id = asWorkerId(`w-fake${n}`)
    this.pid = 4_000_000_000 + n // beyond any real one
    this.launchedAt = clock.now()
    this.channel = new WorkerChannelEnd({ clock, post: (message) => this.#hear(message) })
    this.ready.catch(() => {})
    if (this.#manners.diesAtOnce) this.dies({ code: 1 })
    if (this.#manners.isPrompt) this.isReady()
  }

  mayPass = (): boolean => true

  passWhile(mayPass: () => boolean): void {
    this.mayPass = mayPass
  }

  kill(signal: 'SIGTERM' | 'SIGKILL'): void {
    if (this.isGone) return
    this.signals.push(signal)
    if (signal === 'SIGKILL' || this.#manners.endsOn !== 'SIGKILL') this.dies({ signal })
  }

  /** Nobody serves it. */
  connect(): Duplex {
    return new PassThrough()
  }

  diagnose(): string {
    return 'last words'
  }

  isReady(): void {
    this.#ready.resolve({ version: 'fake' })
  }

  says(message: FromWorker): void {
    this.channel.receive(message)
  }

  dies(end: { code?: number; signal?: string; isOutOfMemory?: boolean } = {}): void {
    if (this.isGone) return
    this.isGone = true
    const { code = null, signal = null, isOutOfMemory = false } = end
    this.#ready.reject(new GatewayError('ERR_WORKER_START', 'It ended.'))
    this.channel.close()
    this.#gone.resolve({ code, signal, isOutOfMemory })
  }

  #hear(message: ToWorker): void {
    this.heard.push(message)
    const { isPrompt, endsOn, answersPing } = this.#manners
    queueMicrotask(() => {
      if (this.isGone) return
      if (message.type === 'assign' && isPrompt) this.says({ type: 'assigned' })
      if (message.type === 'drain' && endsOn === 'drain') this.dies({ code: 0 })
      if (message.type === 'ping' && answersPing) {
        this.says({ type: 'pong', id: message.id, lagSeconds: 0.01 })
      }
      if (message.type === 'restore') this.says({ type: 'restored', id: message.id, ok: true })
    })
  }
}
