import { once } from 'node:events'
import type { ClientRequest, IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import pLimit from 'p-limit'
import { messagesIn, type Turn } from './event-messages.ts'
import type { Loopback } from './loopback.ts'

/** Long answers that the bridges of this gateway hold at a time. */
const LONG_AT_ONCE = 4
const BOTH_FORMS = 'application/json, text/event-stream'

/** What the client's own requests said: its token, and where it is. */
export interface Client {
  readonly ip: string
  readonly headers: OutgoingHttpHeaders
}

/** How a client's message was taken: 202, or the status and body of a refusal. */
export interface Taken {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export interface BridgeParts {
  readonly loopback: Loopback
  readonly client: Client
  readonly turn: Turn
  /** Gives the client a message; resolves when it is on its way and there is room for another one. */
  readonly send: (message: string) => Promise<void>
  /** The session is over: by its end, by that of the access it rests on, or because this gateway leaves. */
  readonly ended: () => void
}

/** The turns of all bridges together. */
export function longTurns(): Turn {
  const limit = pLimit(LONG_AT_ONCE)
  return () =>
    new Promise((begin) => {
      void limit(() => new Promise<void>((end) => begin(end)))
    })
}

/**
 * One connection of an older transport as a client of `/mcp`: its messages become requests there, and what is
 * answered, or said on the session's stream, goes back over the connection. So sessions, workers, isolation and
 * limits are those of everybody.
 */
export class Bridge {
  readonly #parts: BridgeParts
  readonly #asked = new Set<ClientRequest>()
  #session: string | undefined
  #relays: Promise<void> = Promise.resolve()
  #isClosed = false

  constructor(parts: BridgeParts) {
    this.#parts = parts
  }

  /** Whether `initialize` was answered. */
  get hasSession(): boolean {
    return this.#session !== undefined
  }

  /** Takes a message of the client. Resolves when it was taken or refused; rejects when the client left. */
  async receive(body: Readable | Buffer, headers: OutgoingHttpHeaders = {}): Promise<Taken> {
    const answer = await this.#ask('POST', { ...headers, accept: BOTH_FORMS }, body)
    if (answer.statusCode !== 200 && answer.statusCode !== 202) return refusal(answer)
    const named = answer.headers['mcp-session-id']
    const isNew = this.#session === undefined && typeof named === 'string'
    if (isNew) this.#session = named
    const relayed = this.#relay(answer)
    this.#relays = Promise.all([this.#relays, relayed]).then(() => {})
    if (isNew) void relayed.then(() => this.#listen())
    return { status: 202, headers: {}, body: 'Accepted' }
  }

  /** The client left: nothing more is asked for it, and its session ends. May be called more than once. */
  close(): void {
    if (this.#isClosed) return
    const hadSession = this.hasSession
    for (const request of this.#asked) request.destroy()
    if (hadSession) this.#ask('DELETE', {}).catch(() => {}) // it is gone already
    this.#isClosed = true
  }

  async #listen(): Promise<void> {
    try {
      const stream = await this.#ask('GET', { accept: 'text/event-stream' })
      if (stream.statusCode === 200) await this.#relay(stream)
      else await refusal(stream)
    } catch {
      // cut off, as by its end
    }
    await this.#relays
    this.#parts.ended()
  }

  async #relay(answer: IncomingMessage): Promise<void> {
    try {
      for await (const message of messagesIn(answer, this.#parts.turn))
        await this.#parts.send(message)
    } catch {
      answer.destroy() // the client left, or what was said cannot be passed on
    }
  }

  async #ask(
    method: 'GET' | 'POST' | 'DELETE',
    headers: OutgoingHttpHeaders,
    body?: Readable | Buffer
  ): Promise<IncomingMessage> {
    if (this.#isClosed) throw new Error('the client left')
    const { loopback, client } = this.#parts
    const session = this.#session === undefined ? {} : { 'mcp-session-id': this.#session }
    const request = loopback.request({
      method,
      path: '/mcp',
      ip: client.ip,
      headers: { ...client.headers, ...headers, ...session }
    })
    this.#asked.add(request)
    request.once('close', () => this.#asked.delete(request))
    const answered = once(request, 'response')
    if (body instanceof Readable) pipeline(body, request).catch(() => request.destroy())
    else request.end(body)
    const [answer] = (await answered) as [IncomingMessage]
    return answer
  }
}

/** What a client should hear of a refusal besides its body. */
const TOLD = ['content-type', 'retry-after', 'www-authenticate']

async function refusal(answer: IncomingMessage): Promise<Taken> {
  const chunks: Buffer[] = []
  for await (const chunk of answer as AsyncIterable<Buffer>) chunks.push(chunk)
  const headers = Object.fromEntries(
    TOLD.flatMap((name) => {
      const value = answer.headers[name]
      return typeof value === 'string' ? [[name, value]] : []
    })
  )
  return { status: answer.statusCode ?? 502, headers, body: Buffer.concat(chunks).toString('utf8') }
}
