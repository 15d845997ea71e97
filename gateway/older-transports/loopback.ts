import {
  request as ask,
  type ClientRequest,
  type OutgoingHttpHeaders,
  type Server
} from 'node:http'
import { duplexPair } from 'node:stream'

/** A request to ourselves. */
export interface Asked {
  readonly method: 'GET' | 'POST' | 'DELETE' | 'HEAD'
  readonly path: string
  readonly headers: OutgoingHttpHeaders
  /** On whose behalf: the address that the server sees. */
  readonly ip: string
}

/**
 * Requests to our own server that take no socket: what another transport has received goes through the same
 * hooks, limits and errors as if its client had sent it by HTTP. Each has a connection of its own.
 */
export class Loopback {
  readonly #server: Server

  constructor(server: Server) {
    this.#server = server
  }

  /** The request is to be ended by the caller, who also hears of its errors. */
  request({ ip, ...asked }: Asked): ClientRequest {
    const [here, there] = duplexPair()
    here.once('close', () => there.destroy()) // as of a socket: the server hears that its client left
    Object.defineProperty(there, 'remoteAddress', { value: ip })
    this.#server.emit('connection', there)
    return ask({ ...asked, createConnection: () => here })
  }
}
