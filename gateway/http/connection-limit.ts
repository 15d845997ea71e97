import type { Server, Socket } from 'node:net'
import type { Clock } from '#shared/clock.ts'
import { clientNetwork } from './client-network.ts'

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
  /** Whether everybody comes from there. */
  readonly isProxy: (address: string) => boolean
  /** Hears of each connection that was closed at once, and why. */
  readonly dropped: (reason: DropReason) => void
}

type DropReason = 'limit' | 'address'

/**
 * Keeps clients from taking every file descriptor: without one no worker can be started, no operator can ask,
 * and Node drops new connections without a word. Beyond the limit new ones are closed, and the log says so. One address
 * gets half of them at most, so that others are served while it floods; a proxy of ours is no such address.
 */
export function limitConnections(server: Server, parts: ConnectionLimitParts): void {
  const { descriptors, workers, warn, dropped } = parts
  const left = descriptors - OWN - PER_WORKER * workers
  const most = Math.max(LEAST, Math.min(MOST, left))
  server.maxConnections = most
  if (most < FEW)
    warn(
      { descriptors, connections: most },
      'few open files are allowed; raise LimitNOFILE or nofile'
    )
  const tell = tellNowAndThen(parts, { descriptors, connections: most })
  server.on('drop', () => {
    dropped('limit')
    tell.limit()
  })
  const fromOne = new Map<string, number>()
  server.prependListener('connection', (socket: Socket) => {
    const { remoteAddress } = socket
    if (remoteAddress === undefined || parts.isProxy(remoteAddress)) return
    const network = clientNetwork(remoteAddress)
    const open = (fromOne.get(network) ?? 0) + 1
    fromOne.set(network, open)
    socket.once('close', () => leave(fromOne, network))
    if (open <= most / 2) return
    socket.destroy()
    dropped('address')
    tell.address()
  })
}

function leave(fromOne: Map<string, number>, network: string): void {
  const open = (fromOne.get(network) ?? 1) - 1
  if (open > 0) fromOne.set(network, open)
  else fromOne.delete(network)
}

const WORDS: Readonly<Record<DropReason, string>> = {
  limit: 'connections were closed: too many are open',
  address:
    'connections were closed: one address has half of all that are allowed; if it is a proxy of yours, name it in TRUST_PROXY'
}

function tellNowAndThen(
  { clock, warn }: Pick<ConnectionLimitParts, 'clock' | 'warn'>,
  fields: object
): Record<DropReason, () => void> {
  const teller = (reason: DropReason) => {
    let dropped = 0
    let toldAt = Number.NEGATIVE_INFINITY
    return (): void => {
      dropped += 1
      if (clock.monotonic() - toldAt < TELL_EVERY_MS) return
      warn({ ...fields, dropped }, WORDS[reason])
      toldAt = clock.monotonic()
      dropped = 0
    }
  }
  return { limit: teller('limit'), address: teller('address') }
}
