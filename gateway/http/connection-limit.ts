import type { Server } from 'node:net'
import type { Clock } from '#shared/clock.ts'

/** Of everybody together, however many descriptors there are. */
const MOST = 20_000
/** So that somebody is served where descriptors are few. */
const LEAST = 16
/** Descriptors that the process itself needs: the store, the log, both ports, the ops port's connections. */
const OWN = 48
/** The channel of a worker, the connections to it, and those to Gmail. */
const PER_WORKER = 8
/** Fewer connections than this are worth a warning at the start. */
const FEW = 256
const TELL_EVERY_MS = 60_000

export interface ConnectionLimitParts {
  readonly clock: Clock
  /** The most workers at once. */
  readonly workers: number
  /** How many files this process may have open; Infinity when that is not known. */
  readonly descriptors: number
  readonly warn: (fields: object, message: string) => void
}

/**
 * Keeps clients from taking every file descriptor: without one no worker can be started, no operator can ask,
 * and Node drops new connections without a word. Beyond the limit new ones are closed, and the log says so.
 */
export function limitConnections(server: Server, parts: ConnectionLimitParts): void {
  const { clock, workers, descriptors, warn } = parts
  const left = descriptors - OWN - PER_WORKER * workers
  const most = Math.max(LEAST, Math.min(MOST, left))
  server.maxConnections = most
  if (most < FEW)
    warn(
      { descriptors, connections: most },
      'few open files are allowed; raise LimitNOFILE or nofile'
    )
  let dropped = 0
  let toldAt = Number.NEGATIVE_INFINITY
  server.on('drop', () => {
    dropped += 1
    if (clock.monotonic() - toldAt < TELL_EVERY_MS) return
    warn({ descriptors, connections: most, dropped }, 'connections were closed: too many are open')
    toldAt = clock.monotonic()
    dropped = 0
  })
}
