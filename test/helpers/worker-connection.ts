import { Agent } from 'node:http'
import type { Duplex } from 'node:stream'

/** Lets a client of node:http ask a worker, on connections that `connect` makes; one for each request. */
export class WorkerAgent extends Agent {
  readonly #connect: () => Duplex

  constructor(connect: () => Duplex) {
    super({ keepAlive: false })
    this.#connect = connect
  }

  override createConnection(): Duplex {
    return this.#connect()
  }
}
