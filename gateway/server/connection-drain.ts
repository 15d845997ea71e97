import type { Server, ServerResponse } from 'node:http'
import { Server as NetServer } from 'node:net'
import type { Clock } from '#shared/clock.ts'
import { whenLoopIdle } from './when-loop-idle.ts'

/** What resolves when it is closed. */
interface Shutting {
  readonly port: Promise<void>
  readonly connections: Promise<void>
}

/**
 * The way of clients into a server, and out of it again in good order: first nobody new comes in, while
 * those who are in are served and asked to leave; then the door is closed behind the last one.
 */
export class ConnectionDrain {
  readonly #server: Server
  readonly #clock: Clock
  readonly #answers = new Set<ServerResponse>()
  #lastRequestAt = 0
  #shut: Shutting | undefined

  /** Must be called before the server listens. */
  constructor(server: Server, clock: Clock) {
    this.#server = server
    this.#clock = clock
    server.prependListener('request', (_request, response) => {
      this.#lastRequestAt = this.#clock.monotonic()
      if (this.#shut) response.setHeader('connection', 'close')
      this.#answers.add(response)
      response.once('close', () => this.#answers.delete(response))
    })
  }

  /**
   * Closes the port at once; resolves when it is closed. Connections that are open stay so: a client may be
   * about to send its next request on one. The answer to that tells it to open another, which then goes
   * elsewhere.
   */
  async stopAccepting(): Promise<void> {
    this.#shut ??= this.#close()
    await this.#shut.port
  }

  #close(): Shutting {
    const port = Promise.withResolvers<void>()
    const connections = Promise.withResolvers<void>()
    for (const answer of this.#answers) {
      if (!answer.headersSent) answer.setHeader('connection', 'close')
    }
    // The kernel resets connections that nobody has accepted. `http.Server.close` would cut off idle ones.
    whenLoopIdle(() => {
      NetServer.prototype.close.call(this.#server, () => connections.resolve())
      port.resolve()
    })
    return { port: port.promise, connections: connections.promise }
  }

  /**
   * Closes the port; what is idle once no request has come for `calmMs`, so that no client is likely to use
   * it in that moment; everything after `mostMs`. May be called more than once.
   */
  async drain(calmMs: number, mostMs: number): Promise<void> {
    await this.stopAccepting()
    const allClosed = this.#shut?.connections
    const cancel = this.#clock.after(mostMs, () => this.#server.closeAllConnections())
    await Promise.race([allClosed, this.#calm(calmMs)])
    whenLoopIdle(() => this.#server.closeIdleConnections())
    for (const answer of this.#answers) {
      answer.once('close', () => setImmediate(() => this.#server.closeIdleConnections()))
    }
    await allClosed
    cancel()
  }

  async #calm(ms: number): Promise<void> {
    const left = (): number => this.#lastRequestAt + ms - this.#clock.monotonic()
    while (left() > 0) await new Promise<void>((resolve) => void this.#clock.after(left(), resolve))
  }
}
