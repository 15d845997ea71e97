import { buildConnector, Pool } from 'undici'
import type { PeerKeys } from '../config/peer-tls.ts'

/** Longer than a handshake takes between machines of one network. */
const CONNECT_MS = 2000

/** A network that swallows packets is noticed after this and ten probes of a second (Linux). */
const ALIVE = { keepAlive: true, keepAliveInitialDelay: 5000 }

/** No connection came to be: nothing was sent. */
export class PeerUnreachable extends Error {}

/**
 * The connections to other gateways, for as long as calls and streams last. Each side shows the other its certificate;
 * one that the authority did not sign, or that is for another name, is no gateway.
 */
export class PeerConnections {
  #keys: PeerKeys
  readonly #pools = new Map<string, Pool>()

  constructor(keys: PeerKeys) {
    this.#keys = keys
  }

  /** `url`: an origin. */
  to(url: string): Pool {
    const known = this.#pools.get(url)
    if (known) return known
    const connect = buildConnector({
      ...this.#keys,
      timeout: CONNECT_MS,
      ...ALIVE,
      minVersion: 'TLSv1.3'
    })
    const pool = new Pool(url, {
      connect: (options, done) =>
        connect(options, (...[error, socket]) => {
          if (error) done(new PeerUnreachable('no connection', { cause: error }), null)
          else done(null, socket)
        }),
      headersTimeout: 0,
      bodyTimeout: 0
    })
    this.#pools.set(url, pool)
    return pool
  }

  /** New connections show these; those that are open stay until nothing uses them. */
  renew(keys: PeerKeys): void {
    this.#keys = keys
    const before = [...this.#pools.values()]
    this.#pools.clear()
    for (const pool of before) void pool.close() // never rejects
  }

  /** Breaks off whatever goes on. */
  async close(): Promise<void> {
    await Promise.all([...this.#pools.values()].map((pool) => pool.destroy()))
  }
}
