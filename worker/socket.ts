import { createHash, timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { WORKER_SECRET_HEADER } from '#shared/worker-http.ts'
import { GatheredResponse } from './gathered-response.ts'

/** What a worker does with a request once it is known to come from the gateway. */
export type Serve = (request: IncomingMessage, response: ServerResponse) => Promise<void>

export interface Socket {
  /** Takes no new connection and resolves once every answer has been given and every stream has ended. */
  drain(): Promise<void>
  /** Resolves once every call in flight has been answered; event streams may still be open. */
  answered(): Promise<void>
}

/** Nothing times out on its own here, and the gateway has a clock of its own. */
const OPTIONS = {
  keepAliveTimeout: 0,
  headersTimeout: 0, // it would count for a connection without a request, too
  requestTimeout: 0,
  ServerResponse: GatheredResponse
}

/** Listens on a Unix socket and serves only requests that carry the secret of this spawn. */
export async function listen(socketPath: string, secret: string, serve: Serve): Promise<Socket> {
  const expected = digest(secret)
  const calls = new Open()
  const streams = new Open()
  const server = createServer(OPTIONS, (request, response) => {
    const given = request.headers[WORKER_SECRET_HEADER]
    if (typeof given !== 'string' || !timingSafeEqual(digest(given), expected)) {
      response.writeHead(401).end()
      return
    }
    delete request.headers[WORKER_SECRET_HEADER]
    const kind = isStream(request) ? streams : calls
    kind.add(response)
    void serve(request, response) // `serve` answers every failure itself
  })
  server.listen(socketPath)
  await once(server, 'listening')
  return {
    async drain() {
      if (!server.listening) return
      const closed = once(server, 'close')
      server.close()
      while (calls.size + streams.size > 0) await Promise.all([calls.ended(), streams.ended()])
      server.closeAllConnections() // also those that never had a request, which count as busy
      await closed
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

const digest = (secret: string): Buffer => createHash('sha256').update(secret).digest()
