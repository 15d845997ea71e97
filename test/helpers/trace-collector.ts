import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { gunzipSync } from 'node:zlib'

export interface CollectedSpan {
  readonly traceId: string
  readonly spanId: string
  /** Empty for a root. */
  readonly parentId: string
  readonly name: string
  /** 2 is a server's, 3 a client's. */
  readonly kind: number
  /** Nanoseconds since the epoch. */
  readonly from: bigint
  readonly to: bigint
  readonly attributes: Readonly<Record<string, string | number>>
  readonly isError: boolean
}

/**
 * A collector of OpenTelemetry's, as far as spans go: takes OTLP over HTTP as protobuf (opentelemetry-proto,
 * collector/trace/v1). `answer` decides what becomes of a request; without it all are taken.
 */
export async function startCollector(
  answer: () => number | 'hang' = () => 200,
  settings: { port?: number } = {}
) {
  const spans: CollectedSpan[] = []
  const resources: Record<string, string | number>[] = []
  const bodies: Buffer[] = []
  let requests = 0
  const server = createServer(async (request, response) => {
    requests += 1
    const sent = await buffer(request)
    const body = request.headers['content-encoding'] === 'gzip' ? gunzipSync(sent) : sent
    const status = answer()
    if (status === 'hang') return
    if (status === 200) {
      bodies.push(body)
      for (const resourceSpans of fields(body).all(1)) {
        resources.push(attributesOf(fields(fields(resourceSpans).one(1)).all(1)))
        for (const scope of fields(resourceSpans).all(2))
          spans.push(...fields(scope).all(2).map(spanOf))
      }
    }
    response.writeHead(status, { 'content-type': 'application/x-protobuf' }).end()
  })
  await new Promise<void>((done) => server.listen(settings.port ?? 0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  return {
    endpoint: `http://127.0.0.1:${port}`,
    spans,
    resources,
    bodies,
    requests: () => requests,
    async close() {
      server.closeAllConnections()
      await new Promise((done) => server.close(done))
    }
  }
}

function spanOf(bytes: Buffer): CollectedSpan {
  const span = fields(bytes)
  return {
    traceId: span.one(1).toString('hex'),
    spanId: span.one(2).toString('hex'),
    parentId: span.one(4).toString('hex'),
    name: span.one(5).toString('utf8'),
    kind: Number(span.number(6)),
    from: span.one(7).readBigUInt64LE(),
    to: span.one(8).readBigUInt64LE(),
    attributes: attributesOf(span.all(9)),
    isError: fields(span.one(15)).number(3) === 2n
  }
}

const attributesOf = (pairs: readonly Buffer[]): Record<string, string | number> =>
  Object.fromEntries(
    pairs.map((pair) => {
      const value = fields(fields(pair).one(2))
      const text = value.all(1)[0]?.toString('utf8')
      return [fields(pair).one(1).toString('utf8'), text ?? Number(value.number(3))]
    })
  )

/** The fields of a message of protocol buffers (protobuf.dev/programming-guides/encoding), by number. */
function fields(message: Buffer) {
  const bytes = new Map<number, Buffer[]>()
  const numbers = new Map<number, bigint>()
  let at = 0
  const varint = (): bigint => {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = message[at++] ?? 0
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
  }
  const take = (length: number): Buffer => {
    at += length
    return message.subarray(at - length, at)
  }
  while (at < message.length) {
    const tag = Number(varint())
    const type = tag & 7
    const number = tag >>> 3
    if (type === 0) numbers.set(number, varint())
    else {
      const field = take(type === 1 ? 8 : type === 5 ? 4 : Number(varint()))
      bytes.set(number, [...(bytes.get(number) ?? []), field])
    }
  }
  return {
    all: (number: number): readonly Buffer[] => bytes.get(number) ?? [],
    one: (number: number): Buffer => bytes.get(number)?.at(-1) ?? Buffer.alloc(0),
    number: (number: number): bigint => numbers.get(number) ?? 0n
  }
}
