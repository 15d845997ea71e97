import type { Clock } from '#shared/clock.ts'
import type { KeyTrouble } from '../accounts/key-check.ts'
import { nodeWarning } from '../config/supported-node.ts'
import type { IsolationReport } from '../launcher/isolation-report.ts'
import type { Store } from '../store/store.ts'
import type { Supervisor } from '../supervisor/supervisor.ts'

export interface ReadinessReport {
  readonly ready: boolean
  /** Each check with `ok`, or what is wrong. */
  readonly checks: {
    readonly store: string
    /** Of the file of keys. */
    readonly keys: string
    readonly worker: string
    readonly accepting: string
  }
  /** How workers are kept apart here, and what this machine lacks for it. */
  readonly isolation: IsolationReport
  /** `ok`, or why another version of Node should be used. It does not make the gateway unready. */
  readonly node: string
  /** What an operator should put right; it does not make the gateway unready. */
  readonly warnings: readonly string[]
}

/** A probe of a load balancer does not wait longer. */
const STORE_MS = 2000
/** Starting a process for every probe of a load balancer would be a load of its own. */
const FRESH_MS = 30_000

/**
 * Whether this gateway can serve: its store can be read and written, its keys open what is stored, a worker can be
 * started, it is not about to stop.
 */
export class Readiness {
  readonly #store: Store
  readonly #supervisor: Supervisor
  readonly #isolation: IsolationReport
  readonly #clock: Clock
  readonly #isDrained: () => boolean
  readonly #warnings: () => readonly string[]
  readonly #keyTrouble: () => KeyTrouble | undefined
  #isStopping = false
  #probe: { at: number; result: Promise<string> } | undefined

  constructor(parts: {
    store: Store
    supervisor: Supervisor
    isolation: IsolationReport
    clock: Clock
    isDrained?: () => boolean
    warnings?: () => readonly string[]
    keyTrouble?: () => KeyTrouble | undefined
  }) {
    this.#isolation = parts.isolation
    this.#store = parts.store
    this.#supervisor = parts.supervisor
    this.#clock = parts.clock
    this.#isDrained = parts.isDrained ?? (() => false)
    this.#warnings = parts.warnings ?? (() => [])
    this.#keyTrouble = parts.keyTrouble ?? (() => undefined)
  }

  stopping(): void {
    this.#isStopping = true
  }

  /** Whether new calls are taken: neither drained by an operator nor about to stop. */
  get accepts(): boolean {
    return !this.#isStopping && !this.#isDrained()
  }

  /** Never rejects. */
  async report(): Promise<ReadinessReport> {
    const open = this.#isDrained() ? 'drained by an operator' : 'ok'
    const accepting = this.#isStopping ? 'stopping' : open
    const [store, worker] = await Promise.all([
      this.#storeWorks(),
      this.#isStopping ? 'not asked' : this.#workerStarts()
    ])
    // Without the keys of the store it serves nobody's mail; in all other trouble most people notice nothing.
    const trouble = this.#keyTrouble()
    const keys = trouble?.kind === 'lost' ? trouble.sentence : 'ok'
    const minor = trouble && trouble.kind !== 'lost' ? [trouble.sentence] : []
    const ready = [store, keys, worker, accepting].every((check) => check === 'ok')
    return {
      ready,
      checks: { store, keys, worker, accepting },
      isolation: this.#isolation,
      node: nodeWarning(process.versions.node) ?? 'ok',
      warnings: [...minor, ...this.#warnings()]
    }
  }

  async #storeWorks(): Promise<string> {
    let cancel = (): void => {}
    const slow = new Promise<string>((resolve) => {
      cancel = this.#clock.after(STORE_MS, () =>
        resolve(this.#store.trouble()?.sentence ?? 'A write waits for a lock, or for the disk.')
      )
    })
    const checked = this.#store.check().then((trouble) => trouble?.sentence ?? 'ok')
    const said = await Promise.race([checked, slow])
    cancel()
    return said
  }

  #workerStarts(): Promise<string> {
    const now = this.#clock.monotonic()
    if (!this.#probe || now - this.#probe.at > FRESH_MS)
      this.#probe = { at: now, result: settle(this.#supervisor.probe()) }
    return this.#probe.result
  }
}

const settle = (check: Promise<unknown>): Promise<string> =>
  check.then(
    () => 'ok',
    (error: unknown) => (error instanceof Error ? error.message : 'failed')
  )
