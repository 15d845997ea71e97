import {
  Agent,
  type ClientRequest,
  type IncomingMessage,
  type RequestOptions,
  request
} from 'node:http'
import { request as requestOverTls, Agent as TlsAgent } from 'node:https'
import { Duplex, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { connect, createSecureContext, rootCertificates, type SecureContext } from 'node:tls'
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib'

/** As Google's servers do; a connection that they are about to close is not used for another request. */
const IDLE_MS = 4000

/** Connections that somebody else makes. */
export interface DialedConnections {
  readonly dial: () => Promise<Duplex>
  /** Authorities (PEM) that are trusted on them beyond Node's own. */
  readonly certificates?: readonly string[] | undefined
}

/**
 * `fetch`, as far as Google's client uses it, over connections that somebody else makes: the built-in one can only
 * connect by itself. Redirects are not followed, the answer comes when all of it is there.
 */
export function fetchOver({ dial, certificates = [] }: DialedConnections): typeof fetch {
  const http = new DialingAgent(dial)
  const https = new DialingTlsAgent(dial, certificates)
  return async (input, init = {}) => {
    const url = new URL(input instanceof Request ? input.url : input)
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
    const options = {
      method: init.method ?? 'GET',
      headers: Object.fromEntries(new Headers(init.headers)),
      ...(init.signal && { signal: init.signal })
    }
    const asked =
      url.protocol === 'https:'
        ? requestOverTls(url, { ...options, agent: https }, resolve)
        : request(url, { ...options, agent: http }, resolve)
    asked.on('error', (error) => reject(init.signal?.aborted ? init.signal.reason : error))
    asked.end(bytesOf(init.body))
    const answer = await promise
    const body = await bodyOf(answer)
    const { statusCode: status = 502, statusMessage: statusText = '' } = answer
    if (status >= 300 && status < 400 && answer.headers.location !== undefined)
      throw new TypeError('A redirect was answered.')
    const isEmpty = status === 204 || status === 205 || status === 304
    const rest = { status, statusText, headers: headersOf(answer) }
    return isEmpty ? new Response(null, rest) : wholeResponse(body, rest)
  }
}

/** An answer that is all there. The platform's would copy the bytes four times to hand them out as text. */
function wholeResponse(whole: Buffer<ArrayBuffer>, init: ResponseInit): Response {
  const text = async (): Promise<string> => whole.toString('utf8')
  const type = new Headers(init.headers).get('content-type') ?? ''
  const readers = {
    // Google's client passes on what a refusal says only if somebody has read it, and asks here.
    bodyUsed: true,
    text,
    json: async (): Promise<unknown> => JSON.parse(await text()),
    bytes: async () => new Uint8Array(whole),
    arrayBuffer: async () => new Uint8Array(whole).buffer,
    blob: async () => new Blob([whole], { type })
  }
  const response = new Response(null, init)
  // Defined, not assigned: servers replace the class by one of which these cannot be assigned.
  for (const [name, value] of Object.entries(readers))
    Object.defineProperty(response, name, { value, configurable: true, writable: true })
  return response
}

type Made = (error: Error | null, socket: Duplex) => void

class DialingAgent extends Agent {
  readonly #dial: () => Promise<Duplex>

  constructor(dial: () => Promise<Duplex>) {
    super({ keepAlive: true })
    this.#dial = dial
  }

  override createConnection(_options: unknown, made: Made): undefined {
    void hand(this.#dial(), made)
  }

  override keepSocketAlive(socket: Duplex): boolean {
    return keepForAWhile(socket)
  }

  override reuseSocket(socket: Duplex, request: ClientRequest): void {
    clearTimeout(idle.get(socket))
    super.reuseSocket(socket, request)
  }
}

class DialingTlsAgent extends TlsAgent {
  readonly #dial: () => Promise<Duplex>
  readonly #certificates: readonly string[]
  /** Absent where Node's own authorities are all. */
  #trusted: SecureContext | undefined

  constructor(dial: () => Promise<Duplex>, certificates: readonly string[]) {
    super({ keepAlive: true })
    this.#dial = dial
    this.#certificates = certificates
  }

  override createConnection(options: RequestOptions, made: Made): undefined {
    const servername = String(options.host)
    const overTls = this.#dial().then((socket) => {
      socket.on('error', () => {}) // TLS tells of it
      if (this.#certificates.length > 0)
        this.#trusted ??= createSecureContext({ ca: [...rootCertificates, ...this.#certificates] })
      const secureContext = this.#trusted
      return connect({ socket, servername, ALPNProtocols: ['http/1.1'], secureContext })
    })
    void hand(overTls, made)
  }

  override keepSocketAlive(socket: Duplex): boolean {
    return keepForAWhile(socket)
  }

  override reuseSocket(socket: Duplex, request: ClientRequest): void {
    clearTimeout(idle.get(socket))
    super.reuseSocket(socket, request)
  }
}

/** Never rejects. */
async function hand(connecting: Promise<Duplex>, made: Made): Promise<void> {
  try {
    made(null, await connecting)
  } catch (error) {
    made(error instanceof Error ? error : new Error('No connection.'), FAILED)
  }
}

/** Nobody looks at it when there is an error; the type asks for one. */
const FAILED = new Duplex().destroy()

const idle = new WeakMap<Duplex, NodeJS.Timeout>()

function keepForAWhile(socket: Duplex): boolean {
  idle.set(socket, setTimeout(() => socket.destroy(), IDLE_MS).unref())
  return true
}

/** Google's client sends text and bytes. */
function bytesOf(body: unknown): string | Uint8Array | undefined {
  if (body === undefined || body === null) return undefined
  if (typeof body === 'string' || body instanceof Uint8Array) return body
  if (body instanceof URLSearchParams) return body.toString()
  throw new TypeError('A body of this kind cannot be sent.')
}

async function bodyOf(answer: IncomingMessage): Promise<Buffer<ArrayBuffer>> {
  const chunks: Buffer[] = []
  const decoder = DECODERS[answer.headers['content-encoding'] ?? '']?.()
  const collected = new Writable({
    write(chunk, _encoding, done) {
      chunks.push(chunk)
      done()
    }
  })
  await (decoder ? pipeline(answer, decoder, collected) : pipeline(answer, collected))
  return Buffer.concat(chunks)
}

const DECODERS: Readonly<Record<string, () => NodeJS.ReadWriteStream>> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress
}

const headersOf = ({ rawHeaders }: IncomingMessage): Headers => {
  const headers = new Headers()
  for (let at = 0; at + 1 < rawHeaders.length; at += 2)
    headers.append(rawHeaders[at] ?? '', rawHeaders[at + 1] ?? '')
  return headers
}
