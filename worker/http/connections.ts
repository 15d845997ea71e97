import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { CorkedResponse } from './corked-response.ts'

/** What a worker does with a request. */
export type Serve = (request: IncomingMessage, response: ServerResponse) => Promise<void>

export interface Connections {
  /** Takes a connection of the gateway's. */
  take(connection: Duplex): void
  /** Takes no new connection and resolves once every answer has been given and every stream has ended. */
  drain(): Promise<void>
  /** A call is in flight, or a stream is open. */
  readonly isBusy: boolean
  /** Resolves once every call in flight has been answered; event streams may still be open. */
  answered(): Promise<void>
}

/** Nothing times out on its own here, and the gateway has a clock of its own. */
const OPTIONS = {
  keepAliveTimeout: 0,
  headersTimeout: 0, // it would count for a connection without a request, too
  requestTimeout: 0,
  ServerResponse: CorkedResponse
}

/** Serves HTTP/1.1 on the connections that the gateway opens. Nobody else has a way to open one. */
export function serveConnections(serve: Serve): Connections {
  const calls = new Open()
  const streams = new Open()
  const open = new Set<Duplex>()
  let isDraining = false
  const server = createServer(OPTIONS, (request, response) => {
    const kind = isStream(request) ? streams : calls
    kind.add(response)
    void serve(request, response) // `serve` answers every failure itself
  })
  return {
    take(connection) {
      if (isDraining) {
        connection.destroy()
        return
      }
      open.add(connection)
      connection.once('close', () => open.delete(connection))
      server.emit('connection', connection)
    },
    async drain() {
      isDraining = true
      while (calls.size + streams.size > 0) await Promise.all([calls.ended(), streams.ended()])
      for (const connection of open) connection.end() // after what was written; also those that never had a request
    },
    get isBusy() {
      return calls.size + streams.size > 0
    },
    answered: () => calls.ended()
  }
}

/** Answers that are not over yet. */
class Open {
  readonly #open = new Set<Promise<void>>()

  get size(): number {
    return this.#open.size
  }

  add(response: ServerResponse): void {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#open.add(promise)
    response.once('close', () => {
      this.#open.delete(promise)
      resolve()
    })
  }

  /** Resolves when there is none. */
  async ended(): Promise<void> {
    while (this.#open.size > 0) await Promise.all(this.#open)
  }
}

/** Whether its answer ends only when one of the two sides wants it to. */
const isStream = ({ method, url, headers }: IncomingMessage): boolean =>
  (method === 'GET' && url === '/mcp') || headers['mcp-method'] === 'subscriptions/listen'
