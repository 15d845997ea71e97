import type { ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import { corkWrites } from '#shared/cork-writes.ts'
import { type Beginning, beginningOf, passLong } from './long-answer.ts'
import type { ResponseWriter } from './response-writer.ts'
import { primingEvent, type ResumableAnswer } from './resumable-answer.ts'
import { relay } from './sse-relay.ts'

/** An answer of this size or smaller is held until it is whole, so that its source's death in between can be told. */
const HOLD_BYTES = 64 * 1024

export interface RelayParts {
  readonly outlet: ResponseWriter
  readonly passed: (bytes: number) => void
  /** Begins to keep an event stream for a client that may leave and come back; undefined where that cannot be. */
  readonly keep?: () => ResumableAnswer | undefined
  /** It broke off before anything was sent. */
  readonly fail: (error: unknown) => Promise<void>
  /** The event stream broke off between two events: says so. */
  readonly endStream: (to: ServerResponse, kept: ResumableAnswer | undefined) => Promise<void>
}

/** Sends on what `from` answers, by the status and headers that the reply has. Rejects only as `fail` and `endStream` do. */
export async function relayAnswer(
  reply: FastifyReply,
  from: Readable,
  parts: RelayParts
): Promise<void> {
  if (String(reply.getHeader('content-type')).startsWith('text/event-stream')) {
    await relayStream(reply, from, parts)
    return
  }
  let beginning: Beginning
  try {
    beginning = await beginningOf(from, HOLD_BYTES, parts.passed)
  } catch (error) {
    await parts.fail(error)
    return
  }
  if (beginning.rest) {
    await passLong(hijack(reply), parts.outlet, beginning, parts.passed)
    return
  }
  const whole = Buffer.concat(beginning.chunks)
  reply.send(whole.length > 0 ? whole : undefined)
}

/** The headers go out at once, not with the first event: a silent stream is an open stream. */
async function relayStream(
  reply: FastifyReply,
  from: Readable,
  { outlet, passed, keep, endStream }: RelayParts
): Promise<void> {
  const to = hijack(reply)
  corkWrites(to.socket)
  to.flushHeaders()
  const kept = keep?.()
  if (kept) to.write(primingEvent(kept.eventId))
  const end = await relay(from, to, outlet, passed, kept)
  if (end === 'worker-lost' && (kept || !to.destroyed)) await endStream(to, kept)
  kept?.over()
  to.end()
}

/** Takes the answer out of Fastify's hands, with the status and headers that it has. */
function hijack(reply: FastifyReply): ServerResponse {
  reply.hijack()
  const to = reply.raw
  for (const [name, value] of Object.entries(reply.getHeaders())) {
    if (value !== undefined) to.setHeader(name, value)
  }
  return to.writeHead(reply.statusCode)
}
