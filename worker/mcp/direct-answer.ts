import type { ServerResponse } from 'node:http'
import type { JSONRPCMessage } from '@modelcontextprotocol/server'

/** After this time a client should know that its call is heard. */
const SOON_MS = 100
/** As the SDK's own streams. */
const KEEP_ALIVE_MS = 15_000

/**
 * The answer to one POST of a legacy session (MCP 2025-11-25, Streamable HTTP, "Sending Messages to the Server"): JSON
 * when the answer is the first thing that is sent and comes soon, else an event stream. What a client that has left
 * would get is dropped.
 */
export class DirectAnswer {
  readonly #to: ServerResponse
  readonly #sessionId: string
  #timer: NodeJS.Timeout

  constructor(to: ServerResponse, sessionId: string) {
    this.#to = to
    this.#sessionId = sessionId
    this.#timer = setTimeout(() => this.#open(), SOON_MS)
  }

  /** The last message. */
  answer(message: JSONRPCMessage): void {
    clearTimeout(this.#timer)
    if (this.#isLeft) return
    const text = JSON.stringify(message)
    if (this.#to.headersSent) {
      this.#to.end(eventOf(text))
      return
    }
    this.#to.writeHead(200, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
      'mcp-session-id': this.#sessionId
    })
    this.#to.end(text)
  }

  /** A message before the answer. */
  event(message: JSONRPCMessage): void {
    this.#open()
    if (!this.#isLeft) this.#to.write(eventOf(JSON.stringify(message)))
  }

  /** No answer will come. May be called more than once. */
  end(): void {
    this.#open()
    clearTimeout(this.#timer)
    if (!this.#isLeft) this.#to.end()
  }

  get #isLeft(): boolean {
    return this.#to.destroyed || this.#to.writableEnded
  }

  #open(): void {
    if (this.#isLeft || this.#to.headersSent) return
    this.#to
      .writeHead(200, {
        'content-type': 'text/event-stream',
        'cache-control': 'no-cache, no-transform',
        'x-accel-buffering': 'no',
        'mcp-session-id': this.#sessionId
      })
      .flushHeaders()
    clearTimeout(this.#timer)
    this.#timer = setInterval(() => this.#keepAlive(), KEEP_ALIVE_MS)
  }

  #keepAlive(): void {
    if (this.#isLeft) clearInterval(this.#timer)
    else this.#to.write(': keepalive\n\n')
  }
}

const eventOf = (text: string): string => `event: message\ndata: ${text}\n\n`
