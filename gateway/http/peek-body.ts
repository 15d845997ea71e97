import type { IncomingHttpHeaders } from 'node:http'
import type { Readable } from 'node:stream'
import { GatewayError } from '#shared/errors.ts'
import { callsIn, isObject, type RpcCall } from '#shared/rpc-calls.ts'

/** A body up to this size is read whole before anything is decided; of a larger one only its first bytes. */
const WHOLE_BYTES = 64 * 1024
/** A batch (JSON-RPC 2.0 §6, MCP 2025-03-26) is counted before it is served, so it may not be larger. */
const BATCH_BYTES = 512 * 1024

/** What the gateway knows of a JSON-RPC body. It looks at ids, methods, names of tools and how many there are, at nothing else. */
export class PeekedBody {
  /** To be sent on: whole, or a stream that begins with what was looked at. */
  readonly body: Buffer | Readable
  readonly #messages: readonly unknown[]
  /** The message of a body that is no batch and was read. */
  readonly #sole: unknown

  constructor(body: Buffer | Readable) {
    this.body = body
    const parsed = Buffer.isBuffer(body) ? parse(body) : undefined
    const isBatch = Array.isArray(parsed)
    this.#sole = isBatch ? undefined : parsed
    this.#messages = isBatch ? parsed : parsed === undefined ? [] : [parsed]
  }

  /** JSON-RPC messages in it; a batch has several. */
  get count(): number {
    return Math.max(1, this.#messages.length)
  }

  /** The id of its one request; null when it has none or several, or was not read (JSON-RPC 2.0 §5). */
  get rpcId(): string | number | null {
    const ids = this.#messages.flatMap((message) => idOf(message) ?? [])
    const [only, ...others] = ids
    return only === undefined || others.length > 0 ? null : only
  }

  /** Whether it is the request that begins a session. */
  get isInitialize(): boolean {
    return methodOf(this.#sole) === 'initialize' && idOf(this.#sole) !== undefined
  }

  /** Whether nothing in it wants an answer: notifications and answers (JSON-RPC 2.0 §4.1). False when it was not read. */
  get asksNothing(): boolean {
    const all = this.#messages
    return all.length > 0 && all.every((message) => isSilent(message))
  }

  /** Its one request; undefined when it has none or several, or was not read. */
  get asked(): RpcCall | undefined {
    return this.#sole === undefined ? undefined : callsIn(this.#sole)[0]
  }

  /** The mailbox that its one call of a tool names; unchecked. */
  get account(): string | undefined {
    const given = memberOf(memberOf(memberOf(this.#sole, 'params'), 'arguments'), 'account')
    return typeof given === 'string' ? given : undefined
  }

  /** The id of the request that it takes back (`notifications/cancelled`). */
  get cancelled(): string | number | undefined {
    if (methodOf(this.#sole) !== 'notifications/cancelled') return undefined
    const given = memberOf(memberOf(this.#sole, 'params'), 'requestId')
    return typeof given === 'string' || typeof given === 'number' ? given : undefined
  }

  /** The `traceparent` that its one message carries (MCP 2026-07-28, `_meta`); unchecked. */
  get traceparent(): string | undefined {
    const meta = memberOf(memberOf(this.#sole, 'params'), '_meta')
    const given = memberOf(meta, 'traceparent')
    return typeof given === 'string' ? given : undefined
  }

  /** Its requests; undefined when not all of it was read. */
  get calls(): readonly RpcCall[] | undefined {
    return Buffer.isBuffer(this.body) ? this.#messages.flatMap(callsIn) : undefined
  }
}

/**
 * Reads as much of a body as has to be known. Rejects with ERR_BODY_TOO_LARGE for a batch that is too large to
 * be counted, and when the client leaves.
 */
export async function peekBody(from: Readable, headers: IncomingHttpHeaders): Promise<PeekedBody> {
  const length = Number(headers['content-length'] ?? Number.NaN)
  if (length <= WHOLE_BYTES) return new PeekedBody(await readWhole(from))
  const head = await readHead(from, WHOLE_BYTES)
  if (head.isAll) return new PeekedBody(head.bytes)
  if (!isBatch(head.bytes)) return new PeekedBody(giveBack(from, head.bytes))
  const batch = await readHead(giveBack(from, head.bytes), BATCH_BYTES)
  if (batch.isAll) return new PeekedBody(batch.bytes)
  throw new GatewayError(
    'ERR_BODY_TOO_LARGE',
    `A batch may have ${BATCH_BYTES} bytes at most; send its messages one by one.`
  )
}

function readWhole(from: Readable): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
  const chunks: Buffer[] = []
  from.on('data', (chunk: Buffer) => chunks.push(chunk))
  from.once('end', () => resolve(Buffer.concat(chunks)))
  from.once('error', reject)
  from.once('close', () => {
    if (!from.readableEnded) reject(new Error('the client left')) // to make an error is dear
  })
  return promise
}

/** The first bytes, at least `least` of them unless that is all. */
async function readHead(
  from: Readable,
  least: number
): Promise<{ readonly bytes: Buffer; readonly isAll: boolean }> {
  const chunks: Buffer[] = []
  let total = 0
  for await (const chunk of from.iterator({ destroyOnReturn: false })) {
    chunks.push(chunk)
    total += chunk.byteLength
    if (total > least) return { bytes: Buffer.concat(chunks), isAll: false }
  }
  return { bytes: Buffer.concat(chunks), isAll: true }
}

function giveBack(to: Readable, bytes: Buffer): Readable {
  to.unshift(bytes)
  return to
}

const BOM = Buffer.from('\uFEFF')
const WHITESPACE: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d])
const BRACKET = 0x5b

/** Whether the first byte that says something opens an array. The worker's decoder drops a byte order mark. */
function isBatch(body: Buffer): boolean {
  const from = body.subarray(0, BOM.length).equals(BOM) ? BOM.length : 0
  const first = body.subarray(from).find((byte) => !WHITESPACE.has(byte))
  return first === undefined || first === BRACKET // who sends nothing but space has to show what comes
}

/** Drops a byte order mark. */
const UTF8 = new TextDecoder()

/** Undefined for what is no JSON. */
function parse(body: Buffer): unknown {
  try {
    return JSON.parse(UTF8.decode(body))
  } catch {
    return undefined // whoever serves it will say so
  }
}

function idOf(message: unknown): string | number | undefined {
  if (typeof message !== 'object' || message === null || !('id' in message)) return undefined
  if ('result' in message || 'error' in message) return undefined // an answer's id is the server's own
  const { id } = message
  return typeof id === 'string' || typeof id === 'number' ? id : undefined
}

/** A notification, or an answer to what a server asked. */
function isSilent(message: unknown): boolean {
  if (typeof message !== 'object' || message === null) return false
  if ('method' in message) return !('id' in message)
  return 'result' in message || 'error' in message
}

const methodOf = (message: unknown): unknown => memberOf(message, 'method')

const memberOf = (of: unknown, name: string): unknown => (isObject(of) ? of[name] : undefined)
