import type { Server, ServerResponse } from 'node:http'
import { Server as NetServer } from 'node:net'
import type { Clock } from '#shared/clock.ts'

/** After this time whoever still holds a connection open is not waiting for an answer. */
const LAST_ANSWERS_MS = 2000

/**
 * The way of clients into a server, and out of it again in good order: first nobody new comes in, while
 * those who are in are served and asked to leave; then the door is closed behind the last one.
 */
export class Doorway {
  readonly #server: Server
  readonly #clock: Clock
  readonly #answers = new Set<ServerResponse>()
  #shut: PromiseWithResolvers<void> | undefined

  /** Must be called before the server listens. */
  constructor(server: Server, clock: Clock) {
    this.#server = server
    this.#clock = clock
    server.prependListener('request', (_request, response) => {
      if (this.#shut) response.setHeader('connection', 'close')
      this.#answers.add(response)
      response.once('close', () => this.#answers.delete(response))
    })
  }

  /**
   * Closes the port at once. Connections that are open stay so: a client may be about to send its next
   * request on one of them. The answer to that tells it to open another one, which then goes elsewhere.
   */
  shut(): void {
    if (this.#shut) return
    const shut = Promise.withResolvers<void>()
    this.#shut = shut
    for (const answer of this.#answers) {
      if (!answer.headersSent) answer.setHeader('connection', 'close')
    }
    // Right after the poll phase of the event loop: what was waiting to be accepted has been, so that the
    // kernel has next to no connection to reset. `http.Server.close` would cut off idle connections.
    setImmediate(() => NetServer.prototype.close.call(this.#server, () => shut.resolve()))
  }

  /** Closes the port and what is idle, then waits for the last answers. May be called more than once. */
  async close(): Promise<void> {
    this.shut()
    const cancel = this.#clock.after(LAST_ANSWERS_MS, () => this.#server.closeAllConnections())
    this.#server.closeIdleConnections()
    for (const answer of this.#answers) {
      answer.once('close', () => setImmediate(() => this.#server.closeIdleConnections()))
    }
    await this.#shut?.promise
    cancel()
  }
}
